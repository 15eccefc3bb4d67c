import everyday from './jest.config.js';

/** @type {import('jest').Config} */
export default {
  ...everyday,
  roots: ['<rootDir>/test/slow'],
  testPathIgnorePatterns: [],
  // Browsers, installs of packages and fleets of services: what runs beside them must leave them the machine.
  maxWorkers: 3,
};
