import { isAudience } from './audience-functions.js';
import { expireFunction } from './expire-function.js';

/**
 * The function that hides expired entries, for feeds and for audiences. In the log of an audience no entry reports it:
 * what its members have taken expires in their own feeds, and each number of an audience costs all of them a look.
 */
export function expireFunction2(schema: string): string {
  return expireFunction(
    schema,
    `
    IF ${isAudience('f')} THEN
      UPDATE ${schema}.entry e SET hidden = true WHERE e.feed_id = f.id AND e.seq = ANY (places);
      UPDATE ${schema}.feed t SET unread = t.unread - cardinality(places), unseen = t.unseen - cardinality(places)
       WHERE t.id = f.id AND places IS NOT NULL;
      CONTINUE;
    END IF;`,
  );
}
