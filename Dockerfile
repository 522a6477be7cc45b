# Build: compile TypeScript with everything installed.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The image brings Node 24 itself: no install script is needed, and none runs.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json

# Production packages only.
FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

# Run: no compiler, no sources, not root; the only place it writes to is /data.
FROM node:24-bookworm-slim AS service
COPY --from=packages /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
COPY profiles /app/profiles
COPY mappings /app/mappings
COPY package.json LICENSE /app/
COPY src/bin.mjs src/compile-cache.mjs src/runtime.json /app/dist/
# Compiled once here: where the service runs nothing can be written.
RUN node /app/dist/bin.mjs version
# The program itself is process 1 and gets the signals: bin.mjs becomes it.
RUN chmod 755 /app/dist/bin.mjs && ln -s /app/dist/bin.mjs /usr/local/bin/ilp-fhir \
  && mkdir /data && chown node:node /data
# The default database is ./data/ilp.sqlite: from / that is the volume. ILP_DATABASE stays free, so that ILP_DATABASE_FILE may be given.
WORKDIR /
ENV NODE_ENV=production ILP_HOST=0.0.0.0
USER node
VOLUME /data
EXPOSE 8080
# For serve; start the simulator with --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.ILP_PORT ?? 8080) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["ilp-fhir"]
CMD ["serve"]
