# The service, for a Postgres (and a Redis) of yours: the embedded one is not in the image. See docker-compose.yml.
FROM node:24-slim AS base
WORKDIR /app

FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY nest-cli.json tsconfig.json tsconfig.build.json tsconfig.browser.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build

# `npm ci --omit=dev` would give what an importing application gets: the service needs also the peers, which a host brings, and what
# only the service itself uses. Both are development dependencies of the package, at the versions of the lock file.
FROM base AS dependencies
COPY package.json package-lock.json .npmrc ./
ARG SERVICE_PACKAGES="@bull-board/api @bull-board/express @nestjs/common @nestjs/core @nestjs/platform-express @opentelemetry/api express helmet pino prom-client reflect-metadata rxjs swagger-ui-dist web-push yaml"
RUN npm install --no-save --save-prod --omit=dev --ignore-scripts --no-audit --no-fund \
  $(node -p "const { devDependencies } = require('./package.json'); process.argv.slice(1).map((name) => name + '@' + devDependencies[name]).join(' ')" $SERVICE_PACKAGES)

FROM base
ENV NODE_ENV=production
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
# Served at /docs.
COPY docs/openapi.yaml ./docs/
# It writes nothing, so that it owns nothing.
USER node
EXPOSE 3000
# Liveness alone: a restart would heal no database. /readyz is for whoever sends requests here.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node itself is process 1 and gets the SIGTERM; a shell or npm would not hand it on.
CMD ["node", "dist/main.js"]
