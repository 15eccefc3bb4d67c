export { freePort } from '../../src/service/postgres/ports.js';
