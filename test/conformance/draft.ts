import type { BodyRecord } from './regenerate.ts';

/** A value at a path of the record; a path with `[form=…]` stands in the service of that form, one that ends in `[]` adds to a list. */
export type Field = readonly [path: string, value: unknown];

const PEOPLE: Readonly<Record<string, { birthDate: string; sex: 'male' | 'female' }>> = {
  ...Object.fromEntries(['anc', 'inc', 'pnc'].map((name) => [name, { birthDate: '1998-02-11', sex: 'female' as const }])),
  ...Object.fromEntries(['neonatus', 'shk'].map((name) => [name, { birthDate: '2023-08-25', sex: 'male' as const }])),
  ...Object.fromEntries(
    ['imunisasi', 'mtbs', 'gizi', 'tumbuh-kembang'].map((name) => [name, { birthDate: '2023-01-10', sex: 'male' as const }]),
  ),
  'posyandu-uks-pkpr': { birthDate: '2010-03-01', sex: 'female' },
  lansia: { birthDate: '1950-03-01', sex: 'male' },
};

/** A record that grows by what it must say; what says otherwise than it does goes into another. */
export class Draft {
  readonly #raw: Record<string, unknown> = {};
  readonly #fixed = new Map<string, string>();

  takes(fields: readonly Field[]): boolean {
    return fields.every(([where, value]) => {
      const fixed = this.#fixed.get(keyOf(where, value));
      return fixed === undefined || fixed === JSON.stringify(value);
    });
  }

  add(fields: readonly Field[]): void {
    for (const [where, value] of fields) {
      const key = keyOf(where, value);
      if (this.#fixed.has(key)) continue;
      this.#fixed.set(key, JSON.stringify(value));
      if (!where.startsWith('=')) this.#put(where, value);
    }
  }

  record(module: string, sourceId: string): BodyRecord {
    const { open, ...raw } = this.#raw as { open?: boolean };
    return {
      name: sourceId,
      module,
      feed: 'encounters',
      ...(PEOPLE[module] ?? { birthDate: '1985-03-01', sex: 'female' as const }),
      raw: {
        sourceSystem: 'simpus-a',
        facilityCode: 'P3329170201',
        practitioner: { nik: '9999990202800002' },
        person: { sourceId: 'RM-1' },
        sourceId,
        start: '2023-08-31T08:00:00+07:00',
        ...(open !== true && { end: '2023-08-31T08:40:00+07:00' }),
        cluster: 'K2',
        ...raw,
      },
    };
  }

  #put(where: string, value: unknown): void {
    let node: Record<string, unknown> = this.#raw;
    const form = /^services\[form=([\w-]+)\]\.answers\.(.+)$/.exec(where);
    let rest = where;
    if (form !== null) {
      this.#raw.services ??= [];
      const services = this.#raw.services as { form: string; answers: Record<string, unknown> }[];
      let service = services.find((each) => each.form === form[1]);
      if (service === undefined) {
        service = { form: form[1] as string, answers: {} };
        services.push(service);
      }
      node = service.answers;
      rest = form[2] as string;
    }
    const steps = rest.split('.');
    for (const step of steps.slice(0, -1)) {
      node[step] ??= {};
      node = node[step] as Record<string, unknown>;
    }
    const last = steps.at(-1) as string;
    if (!last.endsWith('[]')) node[last] = value;
    else {
      const name = last.slice(0, -2);
      node[name] ??= [];
      (node[name] as unknown[]).push(value);
    }
  }
}

/** Entries of a list stand beside each other; two that say the same thing otherwise do not. */
function keyOf(where: string, value: unknown): string {
  if (!where.endsWith('[]')) return where;
  const { code, vaccine, dose, kind } = (typeof value === 'object' ? value : { code: value }) as Record<string, unknown>;
  return `${where} ${[code, vaccine, dose, kind].join(' ')}`;
}
