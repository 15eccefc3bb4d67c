import { z } from 'zod';

/** A moment in an input: ISO 8601 with a zone. */
export const timestamp = z.iso
  .datetime({
    offset: true,
    error: 'must be an ISO 8601 date and time with a zone, such as 2026-11-22T12:00:00Z',
  })
  .transform((text) => new Date(text));
