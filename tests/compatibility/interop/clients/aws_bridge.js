// @aws-sdk/client-s3 behind a pipe: a command per line of JSON in, its answer per line out.
// Bytes travel as {"base64": ...}, streams as {"file": path}.
const fs = require('fs');
const readline = require('readline');
const S3 = require('@aws-sdk/client-s3');
const { getSignedUrl } = require('@aws-sdk/s3-request-presigner');

const settings = JSON.parse(process.argv[2]);
const s3 = new S3.S3Client(settings);
// Of its own accord it would sign the checksum of an empty body, which nobody can send.
const signer = new S3.S3Client({ ...settings, requestChecksumCalculation: 'WHEN_REQUIRED' });

function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (!value || typeof value !== 'object') return value;
  if ('base64' in value) return Buffer.from(value.base64, 'base64');
  if ('file' in value) return fs.createReadStream(value.file);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, revive(item)]));
}

async function perform(name, params) {
  const [method, how] = name.split(':');
  const command = new S3[`${method}Command`](revive(params));
  if (how === 'sign') return getSignedUrl(signer, command);
  const { Body, $metadata, ...data } = await s3.send(command);
  if (!Body) return data;
  if (how) {
    await new Promise((done, failed) =>
      Body.pipe(fs.createWriteStream(how)).on('finish', done).on('error', failed));
    return data;
  }
  data.Body = { base64: Buffer.from(await Body.transformToByteArray()).toString('base64') };
  return data;
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let answer;
    try {
      answer = { data: await perform(...JSON.parse(line)) };
    } catch (error) {
      const statusCode = error.$metadata && error.$metadata.httpStatusCode;
      answer = { error: { statusCode, name: error.name, message: error.message } };
    }
    process.stdout.write(JSON.stringify(answer) + '\n');
  }
}

main();
