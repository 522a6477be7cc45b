import type { Bilingual } from '../errors/index.ts';
import { readCodeTable } from './code-table.ts';

export interface Icd10Person {
  readonly sex?: 'male' | 'female';
  readonly ageDays?: number;
}

export interface Implausible extends Bilingual {
  readonly kind: 'sex' | 'age';
}

export interface Icd10Mark {
  readonly kind: 'dagger' | 'asterisk';
  readonly pairs: readonly string[];
}

export interface Icd10Rules {
  /** What speaks against the code for this person; empty where nothing does. Never a proof: a code may be right all the same. */
  implausible(code: string, person: Icd10Person): readonly Implausible[];
  /** `dagger`: the cause; `asterisk`: the manifestation, which never stands alone; with the codes on the other side. */
  mark(code: string): Icd10Mark | undefined;
}

interface Rule {
  readonly kind: string;
  readonly from: string;
  readonly to: string;
  readonly sex?: string;
  readonly minDays?: number;
  readonly maxDays?: number;
  readonly pairs: readonly string[];
}

/** @param bytes `kind,codes,sex,minDays,maxDays,pair,source`; codes are a category, a code or a range of them */
export function readIcd10Rules(name: string, bytes: Uint8Array): Icd10Rules {
  const table = readCodeTable(name, bytes, { columns: ['kind', 'codes', 'sex', 'minDays', 'maxDays', 'pair'] });
  const rules = Array.from({ length: table.size }, (_, index): Rule => {
    const { kind = '', codes = '', sex, minDays, maxDays, pair } = table.row(index);
    const [from = '', to = from] = codes.split('-');
    return {
      ...{ kind, from, to, pairs: pair?.split(' ') ?? [] },
      ...(sex !== undefined && { sex }),
      ...(minDays !== undefined && { minDays: Number(minDays) }),
      ...(maxDays !== undefined && { maxDays: Number(maxDays) }),
    };
  });
  const covers = ({ from, to }: Rule, code: string) => code >= from && (code.startsWith(to) || code < to);
  return {
    implausible(code, { sex, ageDays }) {
      return rules
        .filter((rule) => covers(rule, code))
        .flatMap((rule): Implausible[] => {
          if (rule.kind === 'sex' && sex !== undefined && sex !== rule.sex)
            return rule.sex === 'male'
              ? [{ kind: 'sex', id: 'kode ini untuk laki-laki', en: 'the code is for males' }]
              : [{ kind: 'sex', id: 'kode ini untuk perempuan', en: 'the code is for females' }];
          const outside = ageDays !== undefined && (ageDays < (rule.minDays ?? 0) || ageDays > (rule.maxDays ?? Number.POSITIVE_INFINITY));
          return rule.kind === 'age' && outside
            ? [{ kind: 'age', id: 'kode ini tidak lazim pada umur itu', en: 'the code is unusual at that age' }]
            : [];
        });
    },
    mark(code) {
      const daggers = rules.filter(({ kind, from }) => kind === 'dagger' && from === code);
      if (daggers.length > 0) return { kind: 'dagger', pairs: daggers.flatMap(({ pairs }) => pairs) };
      if (!rules.some((rule) => rule.kind === 'asterisk' && covers(rule, code))) return undefined;
      const causes = rules.filter(({ kind, pairs }) => kind === 'dagger' && pairs.some((pair) => code.startsWith(pair)));
      return { kind: 'asterisk', pairs: causes.map(({ from }) => from) };
    },
  };
}
