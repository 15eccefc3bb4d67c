/* global fetch, performance */
const TASKS = [
  'Export of March',
  'Import of 1,204 contacts',
  'Nightly report',
  'Video thumbnail',
  'Backup of Tuesday',
];
const CUSTOMERS = ['Lin Chen', 'Amara Okafor', 'Jonas Weber', 'Priya Nair', 'Sofia Rossi'];
/** When each notification was sent, by a value in its data that the entry brings back. */
const sentAt = new Map();
let number = 1_000 + Math.floor(Math.random() * 8_000);

/** How long ago a notification was sent from here, in ms; `undefined` if it was not. */
export function ageOf({ data }) {
  const key = keyOf(data);
  const at = sentAt.get(key);
  // An announcement comes to several people.
  if (data?.taskId ?? data?.orderId) sentAt.delete(key);
  return at === undefined ? undefined : performance.now() - at;
}

const keyOf = (data) => data?.taskId ?? data?.orderId ?? data?.title;

/** What the buttons send as announcements with more than text. */
const CONTENTS = {
  invitation: (pick) => ({
    title: `${pick(['Lin Chen', 'Amara Okafor'])} invites you to project ${number}`,
    body: 'All your devices show what you choose.',
    image: pick(['/demo/lin.svg', '/demo/amara.svg']),
    category: 'projects',
    actions: [
      { id: 'accept', label: 'Accept', style: 'primary' },
      { id: 'decline', label: 'Decline' },
    ],
  }),
  incident: () => ({
    title: `Payments are failing: incident ${number}`,
    body: 'The bank answers 503, and 14 orders are waiting.',
    category: 'operations',
    severity: 'high',
    actions: [
      { id: 'docs', label: 'Open the docs', link: '/docs' },
      { id: 'mine', label: 'I take it' },
    ],
  }),
};

function jobOf(type) {
  number++;
  const pick = (list) => list[number % list.length];
  if (CONTENTS[type]) return CONTENTS[type](pick);
  if (type === 'announcement')
    return { title: `Maintenance tonight (${number})`, body: 'For everybody, in one row.' };
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

/**
 * Sends notifications to a recipient or an audience, in one request.
 *
 * @returns The outcome of each: `delivered` or `queued`.
 * @throws the server's error.
 */
export async function send(types, to, apiKey) {
  const notifications = types.map((type) => ({
    type: CONTENTS[type] ? 'announcement' : type,
    to,
    data: jobOf(type),
  }));
  const now = performance.now();
  for (const { data } of notifications) sentAt.set(keyOf(data), now);
  const response = await fetch('/v1/notifications', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': apiKey },
    body: JSON.stringify(notifications),
  });
  const answer = await response.json().catch(() => ({}));
  const problem = response.ok ? answer.jobs.find(({ error }) => error)?.error : answer;
  if (problem) throw new Error(problem.detail ?? problem.title ?? `status ${response.status}`);
  return answer.jobs.map(({ outcome }) => outcome);
}
