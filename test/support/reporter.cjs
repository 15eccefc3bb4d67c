const { relative } = require('node:path');

const SLOWEST = 10;

/**
 * Ends the output of a run with the slowest files, with what was skipped and why, and with one plain line of counts:
 *
 *     12 passed, 0 failed, 1 skipped
 *
 * Under CI=true a skip is a failure: a suite that silently stopped running protects nothing.
 */
module.exports = class Reporter {
  constructor(globalConfig) {
    this.rootDir = globalConfig.rootDir;
    this.skipped = [];
  }

  onRunComplete(_contexts, results) {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } =
      results;
    for (const suite of results.testResults) this.collect(suite);
    this.failOnSkip = process.env.CI === 'true' && numPendingTests + numTodoTests > 0;
    // A suite that could not even be loaded counts as one failure: it has no tests to count.
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    const lines = [
      ...this.slowest(results.testResults),
      ...this.skipped,
      ...(this.failOnSkip ? ['Under CI=true a skip is a failure.'] : []),
      `${numPassedTests} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped`,
    ];
    // jest's own summary and the tear-down come after this call; ours is to be the last word.
    process.once('exit', () => process.stdout.write(`${lines.join('\n')}\n`));
  }

  /** The files that a run waits for; nothing after a run of a few files. */
  slowest(suites) {
    if (suites.length <= SLOWEST) return [];
    const seconds = ({ perfStats }) => (perfStats.end - perfStats.start) / 1_000;
    return [
      'The slowest files:',
      ...suites
        .toSorted((a, b) => seconds(b) - seconds(a))
        .slice(0, SLOWEST)
        .map(
          (suite) =>
            `${seconds(suite).toFixed(1).padStart(7)} s  ${relative(this.rootDir, suite.testFilePath)}`,
        ),
    ];
  }

  getLastError() {
    return this.failOnSkip ? new Error('Tests were skipped.') : undefined;
  }

  collect(suite) {
    const pending = suite.testResults.filter(({ status }) => status === 'pending' || status === 'todo');
    if (pending.length === 0) return;
    const needs = new Set(
      pending.flatMap(({ fullName }) =>
        [...fullName.matchAll(/\[needs ([^\]]+)\]/g)].map((match) => match[1]),
      ),
    );
    const why = needs.size > 0 ? `missing: ${[...needs].join(', ')}` : 'marked so in the file';
    this.skipped.push(
      `SKIPPED ${relative(this.rootDir, suite.testFilePath)}: ${pending.length} tests, ${why}`,
    );
  }
};
