import { button, h, setAttribute } from './dom.js';
import { icon } from './icons.js';
import { titleCase } from './title-case.js';
import type { BellStrings } from './strings.js';
import type { BellFeed, BellPreferences, BellType } from './types.js';

/** What the page of the preferences shows. */
interface Preferences {
  readonly types: readonly BellType[];
  readonly muted: readonly string[];
  readonly mutedCategories: readonly string[];
}

async function loadPreferences(feed: BellFeed): Promise<Preferences> {
  const [types, { muted, mutedCategories = [] }] = await Promise.all([feed.types!(), feed.preferences!()]);
  return { types, muted, mutedCategories };
}

/**
 * The form of a feed's preferences.
 *
 * @param isCurrent whether the feed is still of the same recipient: the next one must not get these preferences.
 * @throws {FeedError} if they cannot be loaded.
 */
export async function preferencesForm(
  feed: BellFeed,
  strings: BellStrings,
  isCurrent: () => boolean,
): Promise<HTMLElement> {
  const preferences = await loadPreferences(feed);
  const save = async (changed: BellPreferences) => isCurrent() && feed.setPreferences!(changed);
  return new PreferencesForm(preferences, strings, save).element;
}

/** A switch of the form, and how it shows the present state. */
interface Control {
  readonly button: HTMLButtonElement;
  refresh(): void;
}

/**
 * The form of the preferences: for each category a switch for all of it, below it one for each type. Each change is saved at once; one that
 * cannot be saved is taken back.
 */
class PreferencesForm {
  readonly element: HTMLElement;
  private readonly problem = h('p', { class: 'notice', part: 'notice', role: 'alert', hidden: '' });
  private readonly muted: Set<string>;
  private readonly mutedCategories: Set<string>;
  private readonly controls: Control[] = [];
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
      h('p', { class: 'lead' }, strings.preferencesLead),
      this.problem,
      ...sections,
    );
    this.refresh();
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
    const label = h('span', { class: 'preference-name', id, dir: 'auto' }, name ?? titleCase(type));
    const about = h('p', { class: 'preference-about', id: `${id}-about`, dir: 'auto' }, description ?? '');
    about.hidden = !description;
    const control = mandatory
      ? h(
          'span',
          { class: 'always', part: 'preference-always', title: strings.alwaysOnAbout },
          icon('lock'),
          strings.alwaysOn,
        )
      : this.createSwitch(
          id,
          description ? about.id : null,
          this.muted,
          type,
          () => !this.mutedCategories.has(category),
        );
    return h(
      'li',
      { class: 'preference', part: 'preference' },
      h('div', { class: 'preference-text' }, label, about),
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
    const control = button('switch', 'preference-switch', h('i'));
    control.setAttribute('role', 'switch');
    control.setAttribute('aria-labelledby', labelId);
    setAttribute(control, 'aria-describedby', aboutId);
    control.addEventListener('click', () => {
      if (control.ariaDisabled !== 'true') this.flip(muted, name);
    });
    this.controls.push({
      button: control,
      refresh: () => {
        setAttribute(control, 'aria-checked', String(isEffective() && !muted.has(name)));
        setAttribute(control, 'aria-disabled', isEffective() ? null : 'true');
        control.title = isEffective() ? '' : this.strings.offWithCategory;
      },
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
    for (const control of this.controls) control.refresh();
  }
}
