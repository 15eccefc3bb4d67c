const { default: Sequencer } = require('@jest/test-sequencer');

/**
 * What takes longest goes first: started last, one of them would run alone while the other workers have nothing left. Jest itself goes by
 * the size of a file until it has seen it run once, and those that wait for servers are often the small ones.
 */
const LONGEST = [
  'prove/prove',
  'slow/restarts',
  'hosts/hosts',
  'guarantees/g3-database-unavailable',
  'contract/queue-redis',
  'contract/queue-postgres',
  'browser/event-source',
  'browser/client',
  'browser/engines',
  'browser/push',
  'slow/log-failover',
  'slow/failover',
  'slow/proxies',
  'slow/bull-board',
  'guarantees/g9-accepted-means-kept',
  'slow/lifecycle',
  'browser/element-axe',
  'hosts/examples',
  'guarantees/g3-nothing-lost',
  'guarantees/g7-bounded-memory',
  'browser/element',
  'guarantees/g10-all-or-nothing',
  'guarantees/g6-gaps-are-reported',
  'guarantees/doors',
];

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const found = LONGEST.findIndex((name) => path.replaceAll('\\', '/').endsWith(`/${name}.spec.ts`));
      return found < 0 ? LONGEST.length : found;
    };
    // Stable: the others stay in Jest's order.
    return super.sort(tests).toSorted((a, b) => rank(a) - rank(b));
  }
};
