/** The agent gateway alone: `waybill agent-gateway`. */
import { runAlone } from '@waybill/process';
import { Config } from './config.ts';
import { agentGatewayService } from './service.ts';

await runAlone('agent-gateway', Config, agentGatewayService, process);
