/** Holds the whole tree to the rules of tree-rules.ts, and those rules to their own examples. */
import { describeRules } from './rule.ts';
import { treeRules } from './tree-rules.ts';

describeRules('the tree as a whole', treeRules);
