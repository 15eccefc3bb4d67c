/**
 * A statement on our tables, given their quoted schema. One function per statement, created once: {@link
 * LogDatabase.text} caches its result.
 */
export type Statement = (schema: string) => string;
