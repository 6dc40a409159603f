use std::fmt;

/// The type of a credential, which determines its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialType {
    /// Amazon Web Services and compatible services.
    Aws,
    /// Google Cloud.
    Google,
    /// One token.
    Bearer,
    /// A name and a password.
    Basic,
    /// A client of an OAuth 2.0 server.
    Oauth2,
    /// A PostgreSQL database.
    Postgres,
    /// Any fields.
    Generic,
}

/// The field with the servers that a credential may be sent to.
pub(super) const HOSTS_FIELD: &str = "hosts";
/// Words in the names of secret fields, for types with arbitrary fields.
const SECRET_WORDS: [&str; 5] = ["secret", "token", "password", "passphrase", "key"];

impl CredentialType {
    /// Every type, in the order of messages.
    pub const ALL: [Self; 7] = [
        Self::Aws,
        Self::Google,
        Self::Bearer,
        Self::Basic,
        Self::Oauth2,
        Self::Postgres,
        Self::Generic,
    ];

    /// Returns the type of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Returns the name in a credentials file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Google => "google",
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::Oauth2 => "oauth2",
            Self::Postgres => "postgres",
            Self::Generic => "generic",
        }
    }

    /// Returns the fields of a credential of this type; none where any field is allowed.
    #[must_use]
    pub const fn fields(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::Aws => &[
                "access_key_id",
                "secret_access_key",
                "session_token",
                "region",
                "profile",
                "role_arn",
                "external_id",
                "web_identity_token_file",
                "endpoint",
                "path_style",
                HOSTS_FIELD,
            ],
            Self::Google => &[
                "access_token",
                "service_account_file",
                "service_account",
                "authorized_user_file",
                "authorized_user",
                "scopes",
                "endpoint",
                HOSTS_FIELD,
            ],
            Self::Bearer => &["token", HOSTS_FIELD],
            Self::Basic => &["username", "password", HOSTS_FIELD],
            Self::Oauth2 => &[
                "token_url",
                "client_id",
                "client_secret",
                "client_auth",
                "scopes",
                "audience",
                "refresh_token",
                HOSTS_FIELD,
            ],
            Self::Postgres => &["host", "port", "user", "password", "database", "sslmode"],
            Self::Generic => return None,
        })
    }

    /// Returns the required fields of a credential of this type.
    #[must_use]
    pub const fn required_fields(self) -> &'static [&'static str] {
        match self {
            Self::Bearer => &["token"],
            Self::Basic => &["username", "password"],
            Self::Oauth2 => &["token_url", "client_id"],
            Self::Aws | Self::Google | Self::Postgres | Self::Generic => &[],
        }
    }

    /// Whether the field may be a list or mapping.
    pub(super) fn takes_structure(self, field: &str) -> bool {
        self == Self::Generic
            || matches!(
                (self, field),
                (
                    Self::Google,
                    "service_account" | "authorized_user" | "scopes"
                ) | (Self::Oauth2, "scopes")
                    | (_, HOSTS_FIELD)
            )
    }

    /// Returns the servers that every credential of this type is for, as patterns; none where there are no such
    /// servers.
    pub(super) const fn own_servers(self) -> &'static [&'static str] {
        match self {
            Self::Google => &["*.googleapis.com", "*.google.com"],
            // Most services have a name below these; requests to them contain a signature, and not the key.
            Self::Aws => &["*.amazonaws.com", "*.amazonaws.com.cn"],
            Self::Bearer | Self::Basic | Self::Oauth2 | Self::Postgres | Self::Generic => &[],
        }
    }

    /// Returns the field that a keychain entry shows under another name, as in playbooks of NoETL.
    pub(super) fn field_of_alias(self, alias: &str) -> Option<&'static str> {
        Some(match (self, alias) {
            (Self::Bearer, "access_token") => "token",
            (Self::Google | Self::Oauth2, "token") => "access_token",
            (Self::Google, "service_account_json") => "service_account",
            (Self::Aws, "access_key") => "access_key_id",
            (Self::Aws, "secret_key") => "secret_access_key",
            (Self::Basic, "user") => "username",
            (Self::Postgres, "username") => "user",
            _ => return None,
        })
    }

    /// Returns the fields of this type that may have to come from a server, under their names in a keychain entry.
    pub(super) const fn given_fields(self) -> &'static [&'static str] {
        match self {
            Self::Google | Self::Oauth2 => &["access_token"],
            Self::Aws => &[
                "access_key_id",
                "secret_access_key",
                "session_token",
                "region",
            ],
            Self::Bearer | Self::Basic | Self::Postgres | Self::Generic => &[],
        }
    }

    /// Returns the fields that programs read from their environment, and the variables; none where there are no such
    /// programs. For PostgreSQL, see its documentation of libpq.
    pub(super) const fn variables(self) -> Option<&'static [(&'static str, &'static str)]> {
        match self {
            Self::Postgres => Some(&[
                ("host", "PGHOST"),
                ("port", "PGPORT"),
                ("user", "PGUSER"),
                ("password", "PGPASSWORD"),
                ("database", "PGDATABASE"),
                ("sslmode", "PGSSLMODE"),
            ]),
            _ => None,
        }
    }

    /// Whether the field is secret, so that it should not be short.
    pub(super) fn is_secret_field(self, field: &str) -> bool {
        match self {
            Self::Generic => SECRET_WORDS
                .iter()
                .any(|word| field.to_ascii_lowercase().contains(word)),
            _ => matches!(
                field,
                "secret_access_key"
                    | "session_token"
                    | "access_token"
                    | "token"
                    | "password"
                    | "client_secret"
                    | "refresh_token"
            ),
        }
    }
}

impl fmt::Display for CredentialType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
