/** Before the names of categories in a feed's `muted`, which names types as well. No type has it in its name. */
export const CATEGORY_MARK = '#';

/** Whether the feed `f` has muted this type or category, in an expression; null means that it has not. */
export const isMuted = (type: string, category: string): string =>
  `(${type} = ANY (f.muted) OR '${CATEGORY_MARK}' || ${category} = ANY (f.muted))`;
