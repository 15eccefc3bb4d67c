import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Announcement, LiveBus } from '../../src/contract/ports/live.js';
import { LIVE_BUS } from '../../src/contract/tokens.js';
import { House, numbered, onBothBackends, seqs, untilTasks } from './house.js';

onBothBackends('G4: no entry is received twice', (backend) => {
  let house: House;

  beforeEach(async () => {
    house = await House.open(backend);
  });

  afterEach(() => house.close());

  it('writes each entry once when the bus delivers every message three times and in reverse', async () => {
    const instance = await house.start();
    const bus = instance.app.get<LiveBus>(LIVE_BUS, { strict: false });
    const announce = bus.announce.bind(bus);
    const earlier: Announcement[] = [];
    bus.announce = (announcements) => {
      earlier.push(...announcements);
      announce([...earlier].reverse().slice(0, 20));
      announce(announcements);
    };
    const client = await instance.stream('ada');
    for (const id of numbered(40)) await house.add('ada', id);
    await untilTasks(client, 40);
    await house.add('ada', 'last');
    await untilTasks(client, 41);
    expect(seqs(client.frames)).toEqual(Array.from({ length: 41 }, (_, index) => index + 1));
  });

  it('resumes exactly after the last event id, from any position', async () => {
    const instance = await house.start();
    const first = await instance.stream('ada');
    for (const id of numbered(8)) await house.add('ada', id);
    await untilTasks(first, 8);
    const ids = first.frames.flatMap(({ id, event }) => (event === 'task-completed' ? [id!] : []));
    for (const [index, id] of ids.entries()) {
      const next = await instance.stream('ada', { after: id });
      if (index < 7) await untilTasks(next, 7 - index);
      expect(seqs(next.frames)).toEqual(Array.from({ length: 7 - index }, (_, k) => index + 2 + k));
      await next.close();
    }
  });
});
