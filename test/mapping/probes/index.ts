import { conditions } from './conditions.ts';
import { grammar } from './grammar.ts';
import type { Probe } from './probe.ts';
import { sources } from './sources.ts';

export type { Probe };

export const probes: readonly Probe[] = [...grammar, ...sources, ...conditions];
