/**
 * `/`: a small live list of runs, one file with everything in it. Its policy allows its own script and style by their
 * hashes, requests to where it came from, and nothing else.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from './api-context.ts';

export function pageRoutes(app: FastifyInstance, api: ApiContext): void {
  // An org is lower-case letters, digits, "_" and "-": nothing in it could end the attribute.
  const page = readFileSync(new URL('page/runs.html', import.meta.url), 'utf8').replaceAll(
    '{{org}}',
    api.org,
  );
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'content-security-policy': policyOf(page),
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  };
  app.get('/', async (_request, reply) => reply.headers(headers).send(page));
}

function policyOf(page: string): string {
  return [
    "default-src 'none'",
    `script-src ${hashesOf(page, 'script')}`,
    `style-src ${hashesOf(page, 'style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

const hashesOf = (page: string, tag: 'script' | 'style'): string =>
  [...page.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))]
    .map(([, content = '']) => `'sha256-${createHash('sha256').update(content).digest('base64')}'`)
    .join(' ');
