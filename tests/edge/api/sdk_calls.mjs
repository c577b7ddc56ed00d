// Calls Rekognition by AWS's SDK for JavaScript: a JSON document a line in, one a line out.
// usage: node sdk_calls.mjs FOLDER   (the one whose node_modules holds the SDK)
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const sdk = createRequire(`${process.argv[2]}/`)("@aws-sdk/client-rekognition");
const clients = new Map();

function clientOf(settings) {
  const key = JSON.stringify(settings);
  if (!clients.has(key)) {
    clients.set(key, new sdk.RekognitionClient(settings));
  }
  return clients.get(key);
}

// What the server wrote, letter for letter, beside what the SDK makes of it.
function recorded(client) {
  const told = { body: "" };
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const parts = [];
      for await (const part of result.response.body) {
        parts.push(Buffer.from(part));
      }
      told.body = Buffer.concat(parts).toString("utf8");
      result.response.body = Readable.from([Buffer.from(told.body)]);
      return result;
    },
    { step: "deserialize", priority: "low", name: "recorded", override: true },
  );
  return told;
}

const blobs = (_, value) => (value && value.$bytes !== undefined ? Buffer.from(value.$bytes, "base64") : value);

async function answer({ settings, operation, members }) {
  const client = clientOf(settings);
  const told = recorded(client);
  try {
    const { $metadata, ...values } = await client.send(new sdk[`${operation}Command`](members));
    return { values, body: told.body, metadata: $metadata };
  } catch (error) {
    return {
      code: error.name,
      message: error.message,
      typed: error.constructor.name,
      ours: error instanceof sdk.RekognitionServiceException,
      body: told.body,
      metadata: error.$metadata,
    };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line, blobs)))}\n`);
}
