# One image for the local AWS (Flink is its child) and the worker. The tools of set-up stay behind in the first stage.
FROM node:20.20.2-bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates openjdk-17-jdk-headless maven python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY setup setup
COPY processes/guard.sh processes/guard.sh
COPY local/kinesis-analytics-v2/flink local/kinesis-analytics-v2/flink
RUN node setup/setup.mjs --no-temporal --no-bundles
# What is bundled goes with our sources, all else with the few files above: a change of ours leaves that layer as it is.
COPY . .
RUN node setup/setup.mjs --no-temporal

FROM node:20.20.2-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates openjdk-17-jre-headless \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/.tools .tools
COPY --from=build /app/.d2d .d2d
COPY . .
RUN mkdir .data2dashboard && chown node:node .data2dashboard
USER node
VOLUME /app/.data2dashboard
EXPOSE 4566
CMD ["node", "--import", "tsx", "local/main.ts", "--host", "0.0.0.0", "--port", "4566"]
