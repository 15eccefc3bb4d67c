export { freePort } from '../../src/embedded-postgres/ports.js';
