import { guard } from './failure.ts';
import type { Store } from './port.ts';
import { openSqlite } from './sqlite/engine.ts';
import { createStore } from './store.ts';

export { createIdentifiers, type Identifiers, loadIdKey, type PersonIdentity } from './id-key.ts';
export type * from './port.ts';
export { DECISIONS, DELIVERY_KINDS, DIFFERENCE_KINDS, FEEDS, SCOPES } from './port.ts';
export { parseDateRange, SEARCH_PARAMETERS, type SearchKind, type SearchParameter, searchParameters } from './search-parameters.ts';

/**
 * Opens a database without changing it; `migrate` brings its tables up to date. PostgreSQL is connected to at the first use.
 *
 * @param database `postgres://…` or `postgresql://…`, else the file of a SQLite database, which is made with its folder if absent
 * @throws AppError `store-unavailable` if the file cannot be opened
 */
export async function openStore(database: string): Promise<Store> {
  return guard(async () => {
    if (!/^postgres(ql)?:\/\//.test(database)) return createStore(await openSqlite(database));
    // Loaded only where it is used: half of those who start the service have no PostgreSQL.
    const { openPostgres } = await import('./postgres/engine.ts');
    return createStore(openPostgres(database));
  });
}
