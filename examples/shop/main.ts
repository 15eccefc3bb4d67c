import {
  BadRequestException,
  Body,
  Controller,
  Injectable,
  Module,
  Post,
  Req,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TidingsModule, TidingsService } from 'tidings';
import { DataSource } from 'typeorm';
import { Order } from './order.entity.js';
import { orderPlaced } from './order-placed.js';

interface ShopRequest {
  headers: Record<string, string | undefined>;
}

/** Who is signed in. A real shop looks up a session here. */
function userOf(request: unknown): string | null {
  const { headers } = request as ShopRequest;
  return /^user=(\w+)$/.exec(headers.cookie ?? '')?.[1] ?? null;
}

@Injectable()
class SignedIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (userOf(context.switchToHttp().getRequest())) return true;
    throw new UnauthorizedException();
  }
}

@Controller('orders')
@UseGuards(SignedIn)
class OrdersController {
  constructor(
    private readonly database: DataSource,
    private readonly tidings: TidingsService,
  ) {}

  @Post()
  async place(@Req() request: ShopRequest, @Body() { article }: { article: string }): Promise<Order> {
    const buyer = userOf(request)!;
    // All or nothing: the seller hears of the order if, and only if, it is in the database.
    return this.database.transaction(async (tx) => {
      const order = await tx.save(Order, { buyer, article });
      const data = { orderId: order.id, buyer, article };
      await this.tidings.notify(orderPlaced, { to: 'seller', data, dedupeKey: `order-${order.id}`, tx });
      if (article === 'nothing') throw new BadRequestException('there is no such article');
      return order;
    });
  }
}

const url = process.env.DATABASE_URL ?? 'postgres://localhost/shop';

@Module({
  imports: [
    TidingsModule.forRoot({
      database: { url },
      types: [orderPlaced],
      http: {
        identify: (request) => {
          const recipient = userOf(request);
          return recipient ? { recipient } : null;
        },
      },
    }),
  ],
  controllers: [OrdersController],
  providers: [
    {
      provide: DataSource,
      useFactory: () =>
        new DataSource({ type: 'postgres', url, entities: [Order], synchronize: true }).initialize(),
    },
  ],
})
class ShopModule {}

const app = await NestFactory.create(ShopModule);
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000);
console.log(`The shop is at ${await app.getUrl()}`);
