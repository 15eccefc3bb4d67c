import { Get, Inject, Put, Req } from '@nestjs/common';
import { InvalidRequestError, type InvalidField } from '../../contract/errors.js';
import { kindOf, type FeedKey } from '../../contract/model/feed.js';
import { tooManyNames } from '../../contract/unknown-keys.js';
import { typeNameProblem } from '../../contract/model/notification-type.js';
import type {
  Preferences,
  PreferencesUpdate,
  RecipientPreferences,
} from '../../contract/ports/preferences.js';
import { PREFERENCES } from '../../contract/tokens.js';
import { MAX_RECIPIENT_BODY_BYTES } from '../request/body-limit.js';
import type { HttpRequest } from '../request/http-request.js';
import { jsonObject } from '../request/json-body.js';
import { refuseQuery } from '../request/page-query.js';
import { CurrentFeed } from '../credentials/recipient.guard.js';
import { RecipientRoutes } from './route-decorators.js';

/** `/v1/preferences`: the types and categories that a recipient has muted. */
@RecipientRoutes('v1/preferences')
export class PreferencesController {
  constructor(@Inject(PREFERENCES) private readonly preferences: Preferences) {}

  @Get()
  async get(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<RecipientPreferences> {
    refuseQuery(request);
    return this.preferences.get(feed);
  }

  /** Replaces all of them, so that two devices that save at the same time end with the choice of one of them. */
  @Put()
  async put(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<RecipientPreferences> {
    refuseQuery(request);
    return this.preferences.put(feed, readPreferences(await jsonObject(request, MAX_RECIPIENT_BODY_BYTES)));
  }
}

/** More types than any application declares. */
const MAX_MUTED = 1_000;

function readPreferences(body: Readonly<Record<string, unknown>>): PreferencesUpdate {
  const tooMany = tooManyNames(body, ['muted', 'mutedCategories']);
  if (tooMany.length > 0) throw new InvalidRequestError(tooMany);
  const { muted, mutedCategories, ...others } = body;
  const fields: InvalidField[] = Object.keys(others).map((field) => ({
    field,
    problem: 'is not a known field; use muted and mutedCategories',
  }));
  if (!Array.isArray(muted)) {
    fields.push({ field: 'muted', problem: `must be an array of types, is ${kindOf(muted)}` });
  } else if (muted.length > MAX_MUTED) {
    fields.push({ field: 'muted', problem: `must have at most ${MAX_MUTED} types, has ${muted.length}` });
  } else {
    muted.forEach((type: unknown, index) => {
      const problem = typeNameProblem(type);
      if (problem) fields.push({ field: `muted[${index}]`, problem });
    });
  }
  if (mutedCategories !== undefined && !Array.isArray(mutedCategories)) {
    const problem = `must be an array of categories, is ${kindOf(mutedCategories)}`;
    fields.push({ field: 'mutedCategories', problem });
  }
  if (fields.length > 0) throw new InvalidRequestError(fields);
  return {
    muted: [...new Set(muted as string[])],
    // The port checks the names: it takes preferences from hosts as well.
    ...(mutedCategories !== undefined && { mutedCategories: mutedCategories as string[] }),
  };
}
