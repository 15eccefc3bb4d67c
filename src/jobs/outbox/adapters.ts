import type { Transaction } from '../../contract/model/notify.js';

/** What Prisma hands to the function of an interactive `$transaction`, as far as we need it. */
export interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<unknown>;
}

/** What Drizzle hands to the function of `db.transaction`, as far as we need it. */
export interface DrizzleTransaction<Query> {
  execute(query: Query): PromiseLike<unknown>;
}

/** Drizzle's `sql`, as far as we need it. */
export type DrizzleSql<Query> = (text: TemplateStringsArray, ...values: unknown[]) => Query;

/** What Knex hands to the function of `knex.transaction`, as far as we need it. */
export interface KnexTransaction {
  raw(text: string, values: readonly string[]): PromiseLike<unknown>;
}

/**
 * A Prisma transaction, for `notify`.
 *
 * ```ts
 * await prisma.$transaction(async (tx) => {
 *   await tx.order.create({ data: order });
 *   await tidings.notify(newOrder, { to: order.userId, data: order, tx: fromPrisma(tx) });
 * });
 * ```
 */
export function fromPrisma(tx: PrismaTransaction): Transaction {
  return { query: (text, values) => tx.$queryRawUnsafe(text, ...values) };
}

/**
 * A Drizzle transaction on Postgres, for `notify`; with Drizzle's own `sql`, which alone can make a query with values.
 *
 * ```ts
 * await db.transaction(async (tx) => {
 *   await tx.insert(orders).values(order);
 *   await tidings.notify(newOrder, { to: order.userId, data: order, tx: fromDrizzle(tx, sql) });
 * });
 * ```
 */
export function fromDrizzle<Query>(tx: DrizzleTransaction<Query>, sql: DrizzleSql<Query>): Transaction {
  return {
    query: async (text, values) => {
      const { parts, ordered } = split(text, values);
      return tx.execute(sql(Object.assign(parts, { raw: parts }), ...ordered));
    },
  };
}

/**
 * A Knex transaction on Postgres, for `notify`.
 *
 * ```ts
 * await knex.transaction(async (trx) => {
 *   await trx('orders').insert(order);
 *   await tidings.notify(newOrder, { to: order.userId, data: order, tx: fromKnex(trx) });
 * });
 * ```
 */
export function fromKnex(trx: KnexTransaction): Transaction {
  return {
    query: async (text, values) => {
      const { parts, ordered } = split(text, values);
      // Our statements have no question mark of their own, and no values but texts.
      return trx.raw(parts.join('?'), ordered as string[]);
    },
  };
}

/** The text between `$1`, `$2`, ..., and the values in the order of their places. */
function split(text: string, values: readonly unknown[]): { parts: string[]; ordered: unknown[] } {
  const places = [...text.matchAll(/\$(\d+)/g)];
  return {
    parts: text.split(/\$\d+/),
    ordered: places.map((place) => values[Number(place[1]) - 1]),
  };
}
