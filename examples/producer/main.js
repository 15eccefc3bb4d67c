// Nothing but BullMQ: `REDIS_URL=redis://localhost node main.js ada "Export ready"`.
import { Queue } from 'bullmq';

const [to = 'ada', title = 'Export ready'] = process.argv.slice(2);
const queue = new Queue('tidings', { connection: { url: process.env.REDIS_URL ?? 'redis://localhost' } });
const job = await queue.add('task-completed', {
  to,
  data: { taskId: String(Date.now()), title, status: 'succeeded' },
});
console.log(`Job ${job.id} is queued.`);
await queue.close();
