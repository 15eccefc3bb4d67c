import {
  Controller,
  Header,
  MethodNotAllowedException,
  RequestMapping,
  RequestMethod,
  UseFilters,
} from '@nestjs/common';
import { ProblemFilter } from '../response/problem.filter.js';

const { GET, POST, PUT, PATCH, DELETE } = RequestMethod;
const METHODS = [GET, POST, PUT, PATCH, DELETE];

/** Our paths, with the methods that have a route. In order: a path with a parameter takes the words of ours, too, and comes after them. */
const PATHS: readonly [path: string, ...methods: RequestMethod[]][] = [
  ['stream', GET],
  ['notifications', GET, POST],
  ['notifications/count', GET],
  ...['read', 'unread', 'seen', 'archive', 'unarchive', 'recall'].map((change): [string, RequestMethod] => [
    `notifications/${change}`,
    POST,
  ]),
  ['notifications/:id', DELETE],
  ['preferences', GET, PUT],
  ['jobs/:id', DELETE],
  ['feeds', DELETE],
  ['feeds/:recipient', DELETE],
  ['feeds/:recipient/notifications', GET],
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

for (const [path, ...allowed] of PATHS) {
  const allow = allowed
    .flatMap((method) => (method === GET ? ['GET', 'HEAD'] : RequestMethod[method]))
    .join(', ');
  for (const method of METHODS.filter((one) => !allowed.includes(one))) {
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
