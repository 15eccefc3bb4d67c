import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { InvalidJobError } from '../../src/contract/errors.js';
import { LINK_RULE } from '../../src/contract/model/link.js';
import { defineNotification } from '../../src/contract/model/notification-type.js';
import { TypeRegistry } from '../../src/jobs/index.js';

function compose(rendered: object, category?: string) {
  const type = defineNotification('invite', {
    version: 1,
    schema: z.unknown(),
    render: () => ({ title: 'x', ...rendered }),
    category,
  });
  return new TypeRegistry([type]).compose('invite', {}, { locale: 'en' });
}

async function problems(rendered: object): Promise<string[]> {
  const error: unknown = await compose(rendered).catch((reason: unknown) => reason);
  if (!(error instanceof InvalidJobError)) throw new Error(`not refused: ${String(error)}`);
  return error.fields.map(({ field, problem }) => `${field} ${problem}`);
}

describe('the content that a renderer returns', () => {
  it('is kept without what is not set', async () => {
    expect(await compose({ image: null, actions: [], severity: 'normal' })).toMatchObject({
      contentJson: null,
      category: null,
    });
    const actions = [
      { id: 'accept', label: 'Accept', style: 'primary' },
      { id: 'open', label: 'Öffnen 👍', link: '/invites/7', style: undefined },
    ];
    const { contentJson, category } = await compose({
      image: '/a.png',
      actions,
      severity: 'high',
      category: 'teams',
    });
    expect(contentJson).toBe(
      '{"image":"/a.png","actions":[{"id":"accept","label":"Accept","style":"primary"},' +
        '{"id":"open","label":"Öffnen 👍","link":"/invites/7"}],"severity":"high"}',
    );
    expect(category).toBe('teams');
  });

  it('has the category of the type unless it has another', async () => {
    expect(await compose({}, 'teams')).toMatchObject({ category: 'teams' });
    expect(await compose({ category: 'people' }, 'teams')).toMatchObject({ category: 'people' });
  });

  it('is refused by field', async () => {
    const action = { id: 'a', label: 'A' };
    expect(await problems({ image: 'javascript:alert(1)' })).toEqual([
      `image ${LINK_RULE}, is "javascript:alert(1)"`,
    ]);
    expect(await problems({ category: 'Orders', severity: 'urgent' })).toEqual([
      'category must match ^[a-z][a-z0-9-]{0,31}$, is "Orders"',
      'severity must be low or normal or high, is "urgent"',
    ]);
    expect(await problems({ actions: 'accept' })).toEqual(['actions must be a list, is a string']);
    expect(await problems({ actions: [action, action, action, action] })).toEqual([
      'actions must have at most 3 actions, has 4',
    ]);
    expect(await problems({ actions: [action, { ...action, href: '/x' }, 7] })).toEqual([
      'actions[1].href is not a known field; known are id, label, link, style',
      'actions[1].id must be unique, is "a" again',
      'actions[2] must be an object, is a number',
    ]);
    expect(
      await problems({ actions: [{ label: 'x'.repeat(61), link: '//evil.example', style: 'red' }] }),
    ).toEqual([
      'actions[0].id must match ^[a-z][a-z0-9-]{0,31}$, is ""',
      'actions[0].label must have at most 60 characters, has 61',
      `actions[0].link ${LINK_RULE}, is "//evil.example"`,
      'actions[0].style must be primary or danger, is "red"',
    ]);
    expect(await problems({ actions: [{ id: 'a' }, { id: 'b', label: 'a\nb' }] })).toEqual([
      'actions[0].label must not be empty',
      'actions[1].label must not contain control characters',
    ]);
  });

  it('is refused in a declaration, too', () => {
    const parts = { version: 1, schema: z.unknown(), render: () => ({ title: 'x' }) };
    expect(() => defineNotification('x', { ...parts, category: 'X' })).toThrow('category must match');
    expect(() => defineNotification('x', { ...parts, label: '' })).toThrow(
      'label must be a non-empty string',
    );
  });
});
