DROP TABLE saml_providers;
