// A receiver of security event tokens with jose: reads tokens, one a line, and answers what each says, one a line.
//
//     node receiver.mjs JWKS_URI ISSUER AUDIENCE

import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [jwks, issuer, audience] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(jwks));
for await (const token of createInterface({ input: process.stdin })) {
    try {
        const { payload } = await jwtVerify(token, keys, { typ: "secevent+jwt", issuer, audience, algorithms: ["RS256"] });
        console.log(JSON.stringify(payload));
    } catch (refused) {
        console.log(JSON.stringify({ refused: refused.code }));
    }
}
