import { conceptMaps } from './concept-maps.ts';
import { conditions } from './conditions.ts';
import { errors } from './errors.ts';
import { grammar } from './grammar.ts';
import { groups } from './groups.ts';
import type { Probe } from './probe.ts';
import { sources } from './sources.ts';
import { targets } from './targets.ts';
import { transforms } from './transforms.ts';
import { types } from './types.ts';

export type { Probe };

export const probes: readonly Probe[] = [
  ...grammar,
  ...sources,
  ...conditions,
  ...targets,
  ...transforms,
  ...groups,
  ...types,
  ...conceptMaps,
  ...errors,
];
