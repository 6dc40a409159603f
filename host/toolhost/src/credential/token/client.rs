use std::fmt;

use async_trait::async_trait;
use http::Method;
use http::header::{HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::exchange::{
    Exchange, ExchangeAnswer, ExchangeMethod, ExchangeRequest, FORM, MAX_ANSWER_BYTES,
    NEAR_CONNECT_TIMEOUT,
};
use crate::capability::CapabilityError;
use crate::http::{AddressPolicy, Attempts, HttpClient, HttpError, HttpSettings, Request, shown};

/// Sends requests by HTTP. Any address is allowed: addresses come from the operator of the host, not from a playbook.
#[derive(Clone)]
pub struct HttpExchange {
    far: HttpClient,
    /// For servers that are one hop away.
    near: HttpClient,
}

impl HttpExchange {
    /// Creates a client with these settings; servers that are one hop away are connected to directly, and with a short
    /// timeout.
    #[must_use]
    pub fn new(settings: HttpSettings) -> Self {
        let mut near = settings.clone();
        near.connect_timeout = NEAR_CONNECT_TIMEOUT;
        near.proxy = None;
        Self {
            far: HttpClient::new(settings),
            near: HttpClient::new(near),
        }
    }

    async fn ask(&self, exchange: &ExchangeRequest) -> Result<ExchangeAnswer, HttpError> {
        let request = request(exchange)?;
        let client = if exchange.is_near {
            &self.near
        } else {
            &self.far
        };
        let mut attempts = Attempts::new(client.retry_policy());
        let mut response = loop {
            match client.send(&request).await {
                Ok(response) => break response,
                // Nothing was sent, so that it may be retried.
                Err(error @ HttpError::Connect { .. }) if !exchange.is_near => {
                    match attempts.failed(None) {
                        Some(delay) => tokio::time::sleep(delay).await,
                        None => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        };
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await? {
            if (body.len() + chunk.len()) as u64 > MAX_ANSWER_BYTES {
                return Err(HttpError::TooLarge {
                    place: shown(&exchange.url),
                    max_bytes: MAX_ANSWER_BYTES,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(ExchangeAnswer {
            status: response.status().as_u16(),
            body,
        })
    }
}

#[async_trait]
impl Exchange for HttpExchange {
    async fn exchange(&self, request: ExchangeRequest) -> Result<ExchangeAnswer, CapabilityError> {
        let answer = tokio::time::timeout(request.timeout, self.ask(&request)).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(HttpError::Timeout {
                place: request.server(),
                what: format!("took longer than {} s", request.timeout.as_secs()),
            })
        });
        answer.map_err(CapabilityError::from)
    }
}

fn request(exchange: &ExchangeRequest) -> Result<Request, HttpError> {
    let method = match exchange.method {
        ExchangeMethod::Get => Method::GET,
        ExchangeMethod::Post => Method::POST,
        ExchangeMethod::Put => Method::PUT,
    };
    let mut request = Request::new(method, exchange.url.clone())
        .addresses(AddressPolicy::Any)
        .header(
            http::header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
    for (name, value) in &exchange.headers {
        request = request.secret_header(HeaderName::from_static(name), value)?;
    }
    if let Some(form) = &exchange.form {
        let form = form.expose_secret().to_owned();
        request = request.body(FORM, form);
    }
    Ok(request)
}

impl fmt::Debug for HttpExchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HttpExchange")
    }
}
