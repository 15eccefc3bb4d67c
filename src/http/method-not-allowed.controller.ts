import {
  Controller,
  Header,
  MethodNotAllowedException,
  RequestMapping,
  RequestMethod,
  UseFilters,
} from '@nestjs/common';
import { ProblemFilter } from './problem.filter.js';

const { POST, PUT, PATCH, DELETE } = RequestMethod;

/** Our paths, with the methods that have no route. A method that gets one is taken away here. */
const REFUSED = [
  { path: 'stream', allow: 'GET, HEAD', methods: [POST, PUT, PATCH, DELETE] },
  { path: 'notifications', allow: 'GET, HEAD, POST', methods: [PUT, PATCH, DELETE] },
  { path: 'notifications/count', allow: 'GET, HEAD', methods: [POST, PUT, PATCH, DELETE] },
];

/**
 * 405 where a path is ours and the method is not (RFC 9110, 15.5.6: with `Allow`). The routes are made from the table, one for each method,
 * because Fastify takes no catch-all beside a real route of the same path.
 */
@Controller('v1')
@UseFilters(ProblemFilter)
export class MethodNotAllowedController {
  [route: string]: () => never;
}

for (const { path, allow, methods } of REFUSED) {
  for (const method of methods) {
    const { prototype } = MethodNotAllowedController;
    const name = `${RequestMethod[method]} ${path}`;
    prototype[name] = () => {
      throw new MethodNotAllowedException(`This method is not allowed here; allowed are ${allow}.`);
    };
    const route = Object.getOwnPropertyDescriptor(prototype, name)!;
    RequestMapping({ path, method })(prototype, name, route);
    Header('Allow', allow)(prototype, name, route);
  }
}
