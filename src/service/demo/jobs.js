/* global fetch, performance */
const TASKS = [
  'Export of March',
  'Import of 1,204 contacts',
  'Nightly report',
  'Video thumbnail',
  'Backup of Tuesday',
];
const CUSTOMERS = ['Lin Chen', 'Amara Okafor', 'Jonas Weber', 'Priya Nair', 'Sofia Rossi'];
/** A browser opens six connections to an origin; the two feeds have one each. */
const AT_ONCE = 3;

/** When each job was sent, by what is in its data: the entry brings that back. */
const sentAt = new Map();
let number = 1_000 + Math.floor(Math.random() * 8_000);

/** How long ago the job of a notification was sent from here; `undefined` if it was not. */
export function ageOf({ data }) {
  const key = data?.taskId ?? data?.orderId;
  const at = sentAt.get(key);
  sentAt.delete(key);
  return at === undefined ? undefined : performance.now() - at;
}

function jobOf(type) {
  number++;
  const pick = (list) => list[number % list.length];
  if (type === 'task-completed') {
    const status = number % 5 === 0 ? 'failed' : 'succeeded';
    return {
      taskId: `task-${number}`,
      title: pick(TASKS),
      status,
      durationMs: 400 + ((number * 733) % 90_000),
      resultUrl: '/demo#task',
    };
  }
  const total = { amount: 900 + ((number * 7_919) % 40_000), currency: 'EUR' };
  return { orderId: `A-${number}`, customer: pick(CUSTOMERS), items: (number % 5) + 1, total };
}

/** Puts jobs for somebody on the queue, one request each. @throws what the server has to say about it. */
export async function send(types, to, apiKey) {
  const waiting = [...types];
  const sender = async () => {
    for (let type = waiting.shift(); type; type = waiting.shift()) {
      const data = jobOf(type);
      sentAt.set(data.taskId ?? data.orderId, performance.now());
      const response = await fetch('/v1/notifications', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-API-Key': apiKey },
        body: JSON.stringify({ type, to, data }),
      });
      if (response.ok) continue;
      const answer = await response.json().catch(() => ({}));
      throw new Error(answer.detail ?? answer.title ?? `status ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, waiting.length) }, sender));
}
