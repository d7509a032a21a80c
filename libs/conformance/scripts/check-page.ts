/** `docs/conformance.md`: how the kit is used, and every check with the section of the protocol that it goes back to. */
import { agentChecks, kitJobNames, kitJobTasks, serverChecks } from '../src/index.ts';

type Listed = Readonly<{
  name: string;
  claim: string;
  section: string;
  profile?: string;
  slow?: string;
}>;

const cell = (text: string): string => text.replaceAll('|', '\\|');
const marks = ({ profile, slow }: Listed): string =>
  [profile, slow === undefined ? undefined : 'slow']
    .filter((mark) => mark !== undefined)
    .join(', ');

const checkTable = (checks: readonly Listed[]): string =>
  [
    '| check | claim | protocol | |',
    '| --- | --- | --- | --- |',
    ...checks.map(
      (check) =>
        `| \`${check.name}\` | ${cell(check.claim)} | ${cell(check.section)} | ${marks(check)} |`,
    ),
  ].join('\n');

export const checkPage = (): string => `# Conformance

<!-- Generated from libs/conformance by \`node libs/conformance/scripts/generate.ts\`. Edit the checks, not this page. -->

Whoever writes an agent or a server of the [agent protocol](protocol.md) can try it here. The kit is the other side: it
listens as a server and tries the agent that dials, or dials as agents do and tries the server. It makes named checks, one after the
other, and says of each whether it passed, failed (why, and with which frame), was skipped (for want of what), or what was seen where the
protocol demands nothing. It ends with 0 only if nothing has failed.

## An agent

\`\`\`sh
npx waybill conformance agent --url ws://127.0.0.1:9500/ws --exec 'node examples/plain-agent/agent.mjs'
npx waybill conformance agent --url ws://127.0.0.1:9500/ws --token kat_1 --job-config jobs.json
npx waybill conformance agent --profile waybill --exec 'node apps/runner/src/main.ts' --slow
\`\`\`

With \`--exec\` the kit starts the agent itself, with \`WAYBILL_URL\`, \`WAYBILL_AGENT_TOKEN\` and \`AGENT_ID\` (also as
\`WAYBILL_AGENT_ID\`) in its environment, starts it again where a check has ended it, and stops it at the end. It is one command for \`sh\`, run
with \`exec\`, so that signals reach it. Without \`--exec\`, point your agent at the address within the time of \`--timeout\`; \`--token\` is what it
authenticates with. Then the checks of \`SIGTERM\` and of \`auth.failure\` are skipped, and the agent has stopped for good at the end.

\`--profile seed\` is the published protocol; \`--profile waybill\` announces Waybill's extensions, demands that they are followed, and sees that
the agent works without them too. \`--only\` takes names from the table, \`--slow\` adds what takes up to a minute, \`--json\` gives one document with
the list and what the agent was seen to do.

### Work for it

The kit needs work that the agent can do. Unless told otherwise it sends shell steps, as Waybill does: \`jobConfig.steps[].run\`, each run with
\`sh\`, and beside them what Waybill's runner reads (\`emit\`, \`cache\`, \`requireApproval\`, \`hooks\`, \`concurrencyGroup\`). For another agent write its own
jobs into a file for \`--job-config\`; a job that is not in it is not tried. \`dispatch\` adds fields to the dispatch: \`sourceTarUrl\`, \`repoUrl\`, \`secrets\`.

\`\`\`json
{ "quick": { "jobConfig": { "name": "quick", "workflowName": "kit" }, "dispatch": { "sourceTarUrl": "https://files.example.net/kit.tgz" } } }
\`\`\`

| job | what it has to do |
| --- | --- |
${kitJobNames.map((name) => `| \`${name}\` | ${kitJobTasks[name]} |`).join('\n')}

### Its checks

"waybill" marks checks of that profile alone, "slow" those that wait for \`--slow\`. The sections are those of the published protocol
("Orchestrator ↔ Agent messages") and of [protocol.md](protocol.md).

${checkTable(agentChecks)}

## A server

\`\`\`sh
npx waybill conformance server --url ws://127.0.0.1:7070/ws --token kat_1
npx waybill conformance server --profile waybill --url ws://127.0.0.1:7070/ws --token kat_1 --api-url http://127.0.0.1:7070 --api-key wbk_1
\`\`\`

The kit registers agents of its own, each under an id and a label that nobody else has. To see jobs it needs somebody to make them:
with \`--api-url\`, \`--api-key\` and \`--org\` it calls \`POST /v1/orgs/{org}/runs\` and reads what became of the run; a server with another api can put
these five calls in front of its own: \`POST …/runs\`, \`GET …/runs/{runId}\`, \`GET …/runs/{runId}/logs\`, \`POST …/runs/{runId}/cancel\`,
\`POST …/approvals/{id}/decision\`. Without them the checks that need a dispatch are skipped. The runs that it makes end, or are cancelled.

### Its checks

${checkTable(serverChecks)}

## More checks

A check is one object in \`libs/conformance/src\`: its name, its claim, its section, and a function that passes by returning. A check that
cannot fail is worth nothing: with each belongs a fault that it alone finds, in \`libs/conformance/src/broken-agent.int.spec.ts\` or \`tests/e2e/conformance.e2e.spec.ts\`.
`;
