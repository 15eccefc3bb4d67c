// The client's file, beside the element's: the bundle of the element contains the client, which loads it on demand.
export { withEventSource } from '../client/event-source.js';
