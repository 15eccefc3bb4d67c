import type { PushState } from '../push/types.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { PushPreference } from './push-preference.js';
import type { BellStrings } from './strings.js';
import { createSwitch, preferenceText, showSwitch } from './switch.js';
import { titleCase } from './title-case.js';
import type { BellFeed, BellPreferences, BellPush, BellType } from './types.js';

/** What the page of the preferences shows. */
interface Preferences {
  readonly types: readonly BellType[];
  readonly muted: readonly string[];
  readonly mutedCategories: readonly string[];
}

/**
 * The form of a feed's preferences, and of those of this browser.
 *
 * @param isCurrent whether the feed is still of the same recipient: the next one must not get these preferences.
 * @throws {FeedError} if they cannot be loaded.
 */
export async function preferencesForm(
  feed: BellFeed,
  push: BellPush | null,
  strings: BellStrings,
  isCurrent: () => boolean,
): Promise<HTMLElement> {
  const [types, { muted, mutedCategories = [] }, pushState] = await Promise.all([
    feed.types!(),
    feed.preferences!(),
    // Its failure must not hide the others; the form shows it.
    push?.state().catch(() => null),
  ]);
  const save = async (changed: BellPreferences) => isCurrent() && feed.setPreferences!(changed);
  const form = new PreferencesForm({ types, muted, mutedCategories }, strings, save);
  if (push) form.addPush(push, pushState ?? null, isCurrent);
  return form.element;
}

/**
 * The form of the preferences: for each category a switch for all of it, below it one for each type. Each change is saved at once; one that
 * cannot be saved is taken back.
 */
class PreferencesForm {
  readonly element: HTMLElement;
  private readonly problem = h('p', {
    class: 'notice',
    part: 'notice',
    role: 'alert',
    'data-notice': 'failed',
    hidden: '',
  });
  private readonly muted: Set<string>;
  private readonly mutedCategories: Set<string>;
  /** Each shows the present state of a switch. */
  private readonly refreshers: (() => void)[] = [];
  private saving: Promise<unknown> = Promise.resolve();

  constructor(
    { types, muted, mutedCategories }: Preferences,
    private readonly strings: BellStrings,
    private readonly save: (preferences: BellPreferences) => Promise<unknown>,
  ) {
    this.muted = new Set(muted);
    this.mutedCategories = new Set(mutedCategories);
    const groups = new Map<string, BellType[]>();
    for (const type of types) {
      const name = type.category ?? '';
      groups.set(name, [...(groups.get(name) ?? []), type]);
    }
    // What belongs to no category comes last.
    const names = [...groups.keys()].sort((a, b) => Number(a === '') - Number(b === ''));
    const sections = names.map((name) => this.createGroup(name, groups.get(name)!, names.length > 1));
    this.problem.append(icon('alert'), h('span', {}, strings.actionFailed));
    this.element = h(
      'div',
      { class: 'preferences', part: 'preferences' },
      this.problem,
      h('p', { class: 'lead' }, strings.preferencesLead),
      ...sections,
    );
    this.refresh();
  }

  /** Adds the switch of this browser, above those of all devices. */
  addPush(push: BellPush, state: PushState | null, isCurrent: () => boolean): void {
    const failed = (failed: boolean): void => {
      this.problem.hidden = !failed;
    };
    this.problem.after(new PushPreference(push, state, this.strings, isCurrent, failed).element);
  }

  private createGroup(category: string, types: readonly BellType[], isOneOfMany: boolean): HTMLElement {
    const { strings } = this;
    const rows = types.map((type) => this.createType(category, type));
    const list = h('ul', { class: 'types', role: 'list' }, ...rows);
    if (category === '')
      return h(
        'section',
        { class: 'preference-group' },
        isOneOfMany ? h('h3', { class: 'preference-other' }, strings.otherTypes) : null,
        list,
      );
    const label = strings.categories[category] ?? titleCase(category);
    const isFixed = types.every(({ mandatory }) => mandatory);
    const id = `tidings-category-${category}`;
    const name = h('span', { class: 'preference-name', id }, label);
    const control = isFixed ? null : this.createSwitch(id, null, this.mutedCategories, category, () => true);
    const head = h('h3', { class: 'preference-category' }, name);
    return h(
      'section',
      { class: 'preference-group' },
      h('div', { class: 'preference' }, head, control),
      list,
    );
  }

  private createType(category: string, { type, name, description, mandatory }: BellType): HTMLElement {
    const { strings } = this;
    const id = `tidings-type-${type}`;
    const control = mandatory
      ? h(
          'span',
          { class: 'always', part: 'preference-always', title: strings.alwaysOnAbout },
          icon('lock'),
          strings.alwaysOn,
        )
      : this.createSwitch(
          id,
          description ? `${id}-about` : null,
          this.muted,
          type,
          () => !this.mutedCategories.has(category),
        );
    return h(
      'li',
      { class: 'preference', part: 'preference' },
      preferenceText(id, name ?? titleCase(type), description ?? ''),
      control,
    );
  }

  /** @param isEffective whether the switch has an effect: its category is not off as a whole. */
  private createSwitch(
    labelId: string,
    aboutId: string | null,
    muted: Set<string>,
    name: string,
    isEffective: () => boolean,
  ): HTMLButtonElement {
    const control = createSwitch(labelId, aboutId, () => this.flip(muted, name));
    this.refreshers.push(() => {
      const isDisabled = !isEffective();
      showSwitch(control, { isOn: !isDisabled && !muted.has(name), isDisabled });
      control.title = isDisabled ? this.strings.offWithCategory : '';
    });
    return control;
  }

  private flip(muted: Set<string>, name: string): void {
    const was = muted.has(name);
    muted[was ? 'delete' : 'add'](name);
    this.problem.hidden = true;
    this.refresh();
    // One after the other: each request contains all of the preferences.
    this.saving = this.saving.then(() =>
      this.save({ muted: [...this.muted], mutedCategories: [...this.mutedCategories] }).catch(() => {
        muted[was ? 'add' : 'delete'](name);
        this.problem.hidden = false;
        this.refresh();
      }),
    );
  }

  private refresh(): void {
    for (const refresh of this.refreshers) refresh();
  }
}
