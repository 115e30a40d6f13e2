// samlify as an identity provider: reads {sp, key, certificate, query, insists, person, how} on standard input, and answers with a response to
// the request in the query, which has to be signed where it insists on that.
import { readFileSync } from 'node:fs';
import samlify from 'samlify';

const { sp: metadata, key, certificate, query, insists, person, how } = JSON.parse(readFileSync(0, 'utf8'));
samlify.setSchemaValidator({ validate: async () => 'what is checked here is the gateway' });

const authnStatement = (now) =>
  `<saml:AuthnStatement AuthnInstant="${now}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password` +
  '</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>';

const sp = samlify.ServiceProvider({ metadata });
const { signMessage, signAssertion } = how;
const idp = samlify.IdentityProvider({
  entityID: 'https://samlify.test/metadata',
  privateKey: key,
  signingCert: certificate,
  isAssertionEncrypted: false,
  wantAuthnRequestsSigned: insists,
  requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  loginResponseTemplate: { context: samlify.SamlLib.defaultLoginResponseTemplate.context, attributes: [] },
  nameIDFormat: ['urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress'],
  singleSignOnService: [{ Binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', Location: 'https://samlify.test/sso' }],
});
if (!query) {
  process.stdout.write(JSON.stringify({ metadata: idp.getMetadata() }));
} else {
  sp.entitySetting.wantMessageSigned = signMessage;
  sp.entityMeta.meta.spSSODescriptor.wantAssertionsSigned = String(signAssertion);
  const { SAMLRequest, SigAlg, Signature } = Object.fromEntries(new URLSearchParams(query));
  const octetString = new URLSearchParams({ SAMLRequest, SigAlg }).toString();
  const asked = await idp.parseLoginRequest(sp, 'redirect', { query: { SAMLRequest, SigAlg, Signature }, octetString });
  const consumer = sp.entityMeta.getAssertionConsumerService('post');
  // What samlify writes by itself does not say when and how the person logged in, which the profile wants (saml-profiles-2.0 §4.1.4.2).
  const written = (template) => {
    const id = () => `_${crypto.randomUUID()}`;
    const [now, later] = [new Date(), new Date(Date.now() + 300_000)].map((time) => time.toISOString());
    const response = id();
    const context = samlify.SamlLib.replaceTagsByValue(template, {
      ID: response, AssertionID: id(), Destination: consumer, Audience: sp.entityMeta.getEntityID(), SubjectRecipient: consumer,
      Issuer: idp.entityMeta.getEntityID(), IssueInstant: now, StatusCode: 'urn:oasis:names:tc:SAML:2.0:status:Success',
      ConditionsNotBefore: now, ConditionsNotOnOrAfter: later, SubjectConfirmationDataNotOnOrAfter: later,
      NameIDFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress', NameID: person, InResponseTo: asked.extract.request.id,
      AttributeStatement: '',
    });
    return { id: response, context: context.replace('{AuthnStatement}', authnStatement(now)) };
  };
  const answer = await idp.createLoginResponse(sp, asked, 'post', { email: person }, written);
  process.stdout.write(JSON.stringify({ response: answer.context, consumer }));
}
