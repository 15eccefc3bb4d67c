/** The clock of the database, which all processes share. `Date` is one, of this machine. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}
