import { type RawBuilder, type SqlBool, sql } from 'kysely';
import { AppError } from '../errors/index.ts';
import { mayReadResource } from './access.ts';
import type { Engine } from './engine.ts';
import type { AccessContext, ResourcePage, ResourceQuery, SearchFilter, StoredResource } from './port.ts';
import { milliseconds, type ResourceRow, toResource } from './rows.ts';
import { foldText, indexText, withoutVersion } from './search-index.ts';
import { EARLIEST, LATEST, type SearchParameter, searchParameters } from './search-parameters.ts';

type Condition = RawBuilder<SqlBool>;

/** More alternatives than this in one parameter are refused: SQL has limits, and nobody means it. */
const MAX_ALTERNATIVES = 500;

/** See the port. @throws AppError `parameter` for one that is not in the table, a wrong kind, or a broken cursor */
export async function searchResources(engine: Engine, context: AccessContext, query: ResourceQuery): Promise<ResourcePage> {
  const { dialect, reader } = engine;
  const conditions = [sql<SqlBool>`r.type = ${query.type}`, mayReadResource(dialect, context), ...(await filterConditions(engine, query))];
  const where = sql.join(conditions, sql` and `);
  const total = query.total
    ? (await sql<{ total: number }>`select count(*) as total from resource r where ${where}`.execute(reader)).rows[0]?.total
    : undefined;
  if (query.count <= 0) return { resources: [], ...(total !== undefined && { total }) };

  const keys = (query.sort ?? []).map((sort) => ({ ...sortKey(query.type, sort), descending: sort.descending }));
  const selected = sql.join([sql`r.pk`, ...keys.map(({ value }, index) => sql`${value} as ${sql.ref(`k${index}`)}`)]);
  const order = sql.join([
    ...keys.map(({ descending }, index) => sql`${sql.ref(`k${index}`)} ${sql.raw(descending ? 'desc' : 'asc')}`),
    sql`pk asc`,
  ]);
  const after = query.after === undefined ? sql`` : sql`where ${afterCursor(query.after, keys)}`;
  const { rows } = await sql<Record<string, string | number> & { pk: number }>`
    select * from (select ${selected} from resource r where ${where}) as page ${after}
    order by ${order} limit ${query.count + 1}`.execute(reader);
  const page = rows.slice(0, query.count);
  const last = page.at(-1);
  const resources = await readResources(
    engine,
    page.map(({ pk }) => pk),
  );
  return {
    resources,
    ...(rows.length > query.count && last && { next: toCursor([...keys.map((_key, index) => last[`k${index}`] ?? 0), last.pk]) }),
    ...(total !== undefined && { total }),
  };
}

/** Contents by key, in the order of the keys. */
async function readResources({ dialect, reader }: Engine, pks: readonly number[]): Promise<readonly StoredResource[]> {
  if (pks.length === 0) return [];
  const { rows } = await sql<ResourceRow & { pk: number }>`
    select r.pk, r.version, r.last_updated_ms, r.facility, r.submission, h.content
    from resource r join resource_history h on h.resource = r.pk and h.version = r.version
    where ${dialect.inList(sql.ref('r.pk'), pks)}`.execute(reader);
  const byPk = new Map(rows.map((row) => [row.pk, row]));
  return pks.flatMap((pk) => {
    const row = byPk.get(pk);
    return row ? [toResource(row)] : [];
  });
}

const wrong = (name: string, expected: string) => new AppError('parameter', { name, expected });

/** A filter on an index table: the rows that satisfy it, without the resource they belong to. */
interface IndexCondition {
  readonly table: RawBuilder<unknown>;
  readonly parameter: RawBuilder<number>;
  readonly rows: Condition;
}

async function filterConditions(engine: Engine, { type, filters }: ResourceQuery): Promise<readonly Condition[]> {
  const conditions = filters.map((filter) => condition(engine, type, filter));
  const indexed = conditions.filter((one): one is IndexCondition => 'table' in one);
  const first = await mostSelective(engine, indexed);
  return conditions.map((one) => {
    if (!('table' in one)) return one;
    return engine.dialect.knowsCounts || one === first
      ? sql`r.pk in (select i.resource from ${one.table} i where i.parameter = ${one.parameter} and ${one.rows})`
      : // The plus keeps SQLite from an index that begins with the parameter: the few rows of the resource lie together.
        sql`exists (select 1 from ${one.table} i where i.resource = r.pk and +i.parameter = ${one.parameter} and ${one.rows})`;
  });
}

/** Counting stops here: beyond it no filter is worth starting from. */
const MAX_COUNTED = 2_000;

/**
 * The filter with the fewest rows, from which the others are looked up by resource. SQLite would collect the rows of each: all
 * observations since a date, to find those of one patient.
 */
async function mostSelective({ dialect, reader }: Engine, conditions: readonly IndexCondition[]): Promise<IndexCondition | undefined> {
  if (dialect.knowsCounts || conditions.length < 2) return conditions[0];
  let best: { condition: IndexCondition; count: number } | undefined;
  for (const one of conditions) {
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from (select 1 from ${one.table} i where i.parameter = ${one.parameter} and ${one.rows} limit ${MAX_COUNTED})`.execute(
      reader,
    );
    const count = rows[0]?.count ?? 0;
    if (!best || count < best.count) best = { condition: one, count };
  }
  return best?.condition;
}

function condition(engine: Engine, type: string, filter: SearchFilter): Condition | IndexCondition {
  const { param, kind, values } = filter;
  if (values.length > MAX_ALTERNATIVES) throw wrong(param, `<= ${MAX_ALTERNATIVES}`);
  if (values.length === 0) return sql`1 = 0`;
  if (kind === 'id') return oneOf(engine.dialect, 'r.id', filter.values);
  if (param === '_lastUpdated') {
    if (kind !== 'date') throw wrong(param, 'date');
    // An instant, stored to the millisecond.
    return either(filter.values.map((value) => compare(value, sql`r.last_updated_ms`, sql`(r.last_updated_ms + 1)`)));
  }
  const parameter = searchParameters(type).get(param);
  if (!parameter) throw wrong(param, [...searchParameters(type).keys(), '_id', '_lastUpdated'].join(', '));
  if (parameter.kind !== kind) throw wrong(param, parameter.kind);
  return { table: sql.table(`search_${kind}`), parameter: sql`${parameter.number}`, rows: match(engine, parameter, filter) };
}

function match({ dialect }: Engine, parameter: SearchParameter, filter: SearchFilter): Condition {
  switch (filter.kind) {
    case 'token': {
      const alternatives: Condition[] = [];
      for (const [system, values] of Map.groupBy(filter.values, (value) => value.system)) {
        const anyCode = values.some(({ code }) => code === undefined);
        const codes = values.flatMap(({ code }) => (code === undefined ? [] : indexText(code)));
        const bySystem = system === undefined ? undefined : sql<SqlBool>`i.system = ${indexText(system)}`;
        if (anyCode) alternatives.push(bySystem ?? sql`1 = 1`);
        else alternatives.push(sql`(${sql.join([oneOf(dialect, 'i.code', codes), ...(bySystem ? [bySystem] : [])], sql` and `)})`);
      }
      return either(alternatives);
    }
    case 'reference': {
      const { targets = [] } = parameter;
      const wanted = filter.values.flatMap((value) => {
        const reference = withoutVersion(value);
        if (!reference.includes('/') && !reference.includes(':')) return targets.map((target) => `${target}/${reference}`);
        const isLocal = /^[A-Za-z]+\/[^/]+$/.test(reference);
        return isLocal && targets.length > 0 && !targets.includes(reference.split('/', 1)[0] ?? '') ? [] : [reference];
      });
      return wanted.length === 0 ? sql`1 = 0` : oneOf(dialect, 'i.target', wanted.map(indexText));
    }
    case 'string':
      return either(filter.values.map((value) => matchString(dialect, value, filter.match)));
    case 'date':
      return either(filter.values.map((value) => compare(value, sql`i.low`, sql`i.high`)));
    default:
      return sql`1 = 0`;
  }
}

function oneOf(dialect: Engine['dialect'], column: string, values: readonly string[]): Condition {
  // A single value as an equation lets the planner see how many rows of the index it stands for.
  return values.length === 1 ? sql`${sql.ref(column)} = ${values[0]}` : dialect.inList(sql.ref(column), values);
}

function matchString(dialect: Engine['dialect'], value: string, how: 'starts' | 'exact' | 'contains'): Condition {
  const folded = foldText(value);
  if (how === 'exact') return sql`(i.value = ${folded} and i.exact = ${indexText(value)})`;
  if (folded === '') return sql`1 = 0`;
  if (how === 'contains') return dialect.contains(sql.ref('i.value'), folded);
  return sql`(i.value >= ${folded} and i.value < ${`${folded}\u{10FFFF}`})`;
}

/**
 * FHIR R4 §3.1.1.4.9: with the searched range [sl, sh) and the value's range [low, high): `eq` contains it, `gt` and `lt` overlap
 * what is above or below. The redundant bounds of `ge` and `le` let the index narrow the search.
 */
function compare(value: { prefix: string; low: string; high: string }, low: RawBuilder<unknown>, high: RawBuilder<unknown>): Condition {
  const [sl, sh] = [milliseconds(value.low), milliseconds(value.high)];
  switch (value.prefix) {
    case 'ne':
      return sql`(${low} < ${sl} or ${high} > ${sh})`;
    case 'gt':
      return sql`${high} > ${sh}`;
    case 'lt':
      return sql`${low} < ${sl}`;
    case 'ge':
      return sql`(${high} > ${sl} and (${high} > ${sh} or ${low} >= ${sl}))`;
    case 'le':
      return sql`(${low} < ${sh} and (${low} < ${sl} or ${high} <= ${sh}))`;
    default:
      return sql`(${low} >= ${sl} and ${low} < ${sh} and ${high} <= ${sh})`;
  }
}

const either = (alternatives: readonly Condition[]): Condition =>
  alternatives.length === 1 ? (alternatives[0] as Condition) : sql`(${sql.join(alternatives, sql` or `)})`;

/** Resources that lack the element come last, whatever the direction. */
function sortKey(
  type: string,
  { param, descending }: { param: string; descending: boolean },
): { value: RawBuilder<unknown>; isNumber: boolean } {
  if (param === '_lastUpdated') return { value: sql`r.last_updated_ms`, isNumber: true };
  if (param === '_id') return { value: sql`r.id`, isNumber: false };
  const parameter = searchParameters(type).get(param);
  if (!parameter) throw wrong('_sort', [...searchParameters(type).keys(), '_id', '_lastUpdated'].join(', '));
  const isNumber = parameter.kind === 'date';
  const column = { date: 'low', token: 'code', string: 'value', reference: 'target' }[parameter.kind];
  const absent = isNumber ? (descending ? EARLIEST - 1 : LATEST + 1) : descending ? '' : '\u{10FFFF}';
  const best = sql.raw(descending ? 'max' : 'min');
  // A number as a parameter has no type of its own in PostgreSQL.
  const fallback = isNumber ? sql.raw(String(absent)) : sql.lit(absent);
  return {
    value: sql`coalesce((select ${best}(${sql.ref(column)}) from ${sql.table(`search_${parameter.kind}`)} i
      where i.resource = r.pk and i.parameter = ${parameter.number}), ${fallback})`,
    isNumber,
  };
}

const toCursor = (values: readonly (string | number)[]): string => Buffer.from(JSON.stringify(values)).toString('base64url');

function afterCursor(cursor: string, keys: readonly { descending: boolean; isNumber: boolean }[]): Condition {
  const values = fromCursor(cursor);
  const columns = [...keys.map((key, index) => ({ ...key, name: `k${index}` })), { name: 'pk', descending: false, isNumber: true }];
  if (values?.length !== columns.length || !columns.every(({ isNumber }, index) => (typeof values[index] === 'number') === isNumber)) {
    throw wrong('cursor', 'next');
  }
  // (k0, k1, pk) after the cursor's, each key in its own direction.
  return either(
    columns.map(({ name, descending }, index) => {
      const equal = columns.slice(0, index).map((column, before) => sql`${sql.ref(column.name)} = ${values[before]}`);
      return sql<SqlBool>`(${sql.join([...equal, sql`${sql.ref(name)} ${sql.raw(descending ? '<' : '>')} ${values[index]}`], sql` and `)})`;
    }),
  );
}

function fromCursor(cursor: string): (string | number)[] | undefined {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(values) && values.every((value) => typeof value === 'string' || Number.isSafeInteger(value)) ? values : undefined;
  } catch {
    return undefined;
  }
}
