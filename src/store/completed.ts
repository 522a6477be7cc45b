import { sql } from 'kysely';
import type { Engine, Writer } from './engine.ts';
import type { Delivery, Store } from './port.ts';
import { toDelivery } from './rows.ts';
import type { DeliveryTable } from './schema.ts';

/** See the port. In the order of the numbers themselves: what is sorted from an index would be all that was ever delivered. */
export async function completedDeliveries(
  { reader }: Pick<Engine, 'reader'>,
  { environment, owner, before, limit }: Parameters<Store['completedDeliveries']>[0],
): Promise<readonly Delivery[]> {
  const { rows } = await sql<DeliveryTable>`
    select * from delivery
    where coalesce(environment, '') = ${environment} and coalesce(state, '') = 'completed' and coalesce(owner, '') = ${owner}
      and id < ${before ?? Number.MAX_SAFE_INTEGER}
    order by id desc limit ${limit}`.execute(reader);
  return rows.map(toDelivery);
}

/** See the port. */
export async function forgetPlatformIds(
  { dialect }: Pick<Engine, 'dialect'>,
  { db }: Writer,
  environment: string,
  references: readonly string[],
): Promise<void> {
  await db
    .deleteFrom('platform_id')
    .where('environment', '=', environment)
    .where(dialect.inList(sql.ref('reference'), references))
    .execute();
}

/** See the port. */
export async function rewriteSecrets({ db }: Writer, rewrite: Parameters<Store['rewriteSecrets']>[0]): Promise<number> {
  const rows = await db
    .selectFrom('credential')
    .select(['environment', 'owner', 'secret'])
    .orderBy('environment')
    .orderBy('owner')
    .execute();
  for (const { environment, owner, secret } of rows) {
    await db
      .updateTable('credential')
      .set({ secret: rewrite({ environment, owner, secret }) })
      .where('environment', '=', environment)
      .where('owner', '=', owner)
      .execute();
  }
  return rows.length;
}
