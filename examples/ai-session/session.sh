#!/bin/sh
# Stands for a session with a model: prints what it used, asks before it does what cannot be undone, leaves a file behind.
echo "reading the ticket"
echo '{"context":{"bundleId":"ticket","digest":"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","sizeBytes":4,"sources":[{"uri":"ticket:T-77123","kind":"ticket"}],"redactions":[{"kind":"email","count":2}]}}'
echo '{"usage":{"gen_ai.operation.name":"chat","gen_ai.request.model":"thinker-2","gen_ai.usage.input_tokens":1200,"gen_ai.usage.output_tokens":340,"costUsd":"0.0123"}}'
echo '{"usage":{"kind":"tool_call","gen_ai.tool.name":"orders.lookup"}}'
printf 'Dear customer, your refund is on its way.\n' > draft-reply.md
echo '{"artifact":{"name":"draft-reply.md","mediaType":"text/markdown"}}'
echo '{"approval":{"reason":"refund 12 EUR for order 12345","users":["ada"]}}'
read -r answer
echo "the answer: $answer"
case "$answer" in
  *approved*) echo "refunded" ;;
  *) exit 3 ;;
esac
