/**
 * A statement on our tables, given the quoted schema that they are in. One function a statement, made once: what it returns is
 * kept by {@link LogDatabase.text}.
 */
export type Statement = (schema: string) => string;
