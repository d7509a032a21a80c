/** Who plays in every world. */

export const dispatchers = ['dispatcher-1', 'dispatcher-2'] as const;
export const schedulers = ['scheduler-1', 'scheduler-2'] as const;
export const gateways = ['gateway-1', 'gateway-2'] as const;
/** Of our SDK. */
export const sdkAgents = ['agent-1', 'agent-2'] as const;
/** It knows the published protocol and nothing else. */
export const seedAgent = 'agent-3';
export const agents = [...sdkAgents, seedAgent] as const;
export const services = [...dispatchers, ...schedulers, ...gateways] as const;
export const everybody = [...services, ...agents] as const;
