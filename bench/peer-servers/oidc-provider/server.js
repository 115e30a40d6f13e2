// oidc-provider with client credentials and introspection, on its own in-memory adapter: node server.js PORT CLIENT SECRET
//
// Access tokens are opaque and looked up, as they are by default. The adapter keeps the thousand entries that were used last.
import {generateKeyPairSync, randomBytes} from "node:crypto";
import {Provider} from "oidc-provider";

const [port, client_id, client_secret] = process.argv.slice(2);
const {privateKey} = generateKeyPairSync("ec", {namedCurve: "P-256"});

const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [{
        client_id,
        client_secret,
        token_endpoint_auth_method: "client_secret_basic",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        scope: "provision:scim",
        id_token_signed_response_alg: "ES256",
    }],
    scopes: ["provision:scim"],
    features: {
        clientCredentials: {enabled: true},
        introspection: {enabled: true},
        devInteractions: {enabled: false},
    },
    routes: {token: "/oauth2/token", introspection: "/oauth2/introspect"},
    ttl: {ClientCredentials: 24 * 60 * 60},
    jwks: {keys: [privateKey.export({format: "jwk"})]},
    cookies: {keys: [randomBytes(32).toString("hex")]},
});
provider.listen(Number(port), "127.0.0.1");
