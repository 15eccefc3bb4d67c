import type { Transaction } from '../../contract/model/notify.js';

/** The part that we need of Prisma's client in an interactive `$transaction`. */
export interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<unknown>;
}

/** The part that we need of Drizzle's client in `db.transaction`. */
export interface DrizzleTransaction<Query> {
  execute(query: Query): PromiseLike<unknown>;
}

/** The part that we need of Drizzle's `sql`. */
export type DrizzleSql<Query> = (text: TemplateStringsArray, ...values: unknown[]) => Query;

/** The part that we need of Knex's client in `knex.transaction`. */
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
 * A Drizzle transaction on Postgres, for `notify`. It needs Drizzle's own `sql`, the only way to make a query with values.
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
      // Our statements contain no question mark, and all values are strings.
      return trx.raw(parts.join('?'), ordered as string[]);
    },
  };
}

/** The text between `$1`, `$2`, ..., and the values in the order of their placeholders. */
function split(text: string, values: readonly unknown[]): { parts: string[]; ordered: unknown[] } {
  const places = [...text.matchAll(/\$(\d+)/g)];
  return {
    parts: text.split(/\$\d+/),
    ordered: places.map((place) => values[Number(place[1]) - 1]),
  };
}
