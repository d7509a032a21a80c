/** A database of its own for one pipeline, and its end. */
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';

export type Database = Readonly<{ url: string; drop(): Promise<void> }>;

export async function createDatabase(serverUrl: string): Promise<Database> {
  const name = `bench_${randomUUID().replaceAll('-', '')}`;
  await execute(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => execute(serverUrl, `drop database if exists ${name} with (force)`),
  };
}

async function execute(serverUrl: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
