import { z } from 'zod';
import { kindOf } from '../model/feed.js';
import { isDeclaration, type AnyNotificationType } from '../model/notification-type.js';
import { list } from './fields.js';

export const DECLARATIONS = list(
  z.custom<AnyNotificationType>(isDeclaration, {
    error: ({ input }) => `must be a declaration made by defineNotification, is ${kindOf(input)}`,
  }),
  'declarations made by defineNotification',
);
