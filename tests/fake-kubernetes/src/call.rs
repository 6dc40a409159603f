//! What a request asks for, read from its method, path and query.

use std::collections::BTreeMap;

use hyper::http::request::Parts;
use hyper::{Method, header};
use percent_encoding::percent_decode_str;

/// A request, as the audit log of Kubernetes would name it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// `create`, `get`, `list`, `watch`, `patch`, `update`, `delete`, `deletecollection`; in lower
    /// case the HTTP method, where the path names no resource.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource, such as `jobs`; empty where the path names none.
    pub resource: String,
    /// The part of the resource, such as `log` or `status`; mostly empty.
    pub subresource: String,
    /// The namespace, or empty.
    pub namespace: String,
    /// The name; empty for a collection, and for `create`.
    pub name: String,
    /// The path, without the query.
    pub path: String,
    /// The parameters of the query.
    pub query: BTreeMap<String, String>,
    /// The header `User-Agent`.
    pub user_agent: String,
    /// The header `Accept`.
    pub accept: String,
}

impl Call {
    /// Reads the head of a request.
    #[must_use]
    pub fn of(head: &Parts) -> Self {
        let header = |name| {
            let value = head.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or("").to_owned()
        };
        let query = head.uri.query().unwrap_or("");
        let query = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let mut call = Self {
            path: head.uri.path().to_owned(),
            query,
            user_agent: header(header::USER_AGENT),
            accept: header(header::ACCEPT),
            ..Self::default()
        };
        call.read_path();
        call.verb = call.find_verb(&head.method).to_owned();
        call
    }

    /// The parameter of that name, where it says something.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let value = self.query.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Whether the parameter is true.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        matches!(self.parameter(name), Some("true" | "1"))
    }

    /// The resource with its part: `pods/log`.
    #[must_use]
    pub fn full_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    fn read_path(&mut self) {
        let decoded: Vec<String> = self
            .path
            .trim_matches('/')
            .split('/')
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect();
        let mut parts: Vec<&str> = decoded.iter().map(String::as_str).collect();
        parts.reverse();
        match parts.pop() {
            Some("api") => {}
            Some("apis") => parts.pop().unwrap_or("").clone_into(&mut self.group),
            _ => return,
        }
        // The version.
        if parts.pop().is_none() {
            return;
        }
        // `namespaces/x` is an object of its own, `namespaces/x/jobs` a scope.
        if parts.last() == Some(&"namespaces") && parts.len() > 2 && !is_part(parts.first()) {
            parts.pop();
            parts.pop().unwrap_or("").clone_into(&mut self.namespace);
        }
        parts.pop().unwrap_or("").clone_into(&mut self.resource);
        parts.pop().unwrap_or("").clone_into(&mut self.name);
        parts.pop().unwrap_or("").clone_into(&mut self.subresource);
        if self.resource == "namespaces" {
            self.namespace.clone_from(&self.name);
        }
    }

    fn find_verb(&self, method: &Method) -> &'static str {
        let is_one = !self.name.is_empty();
        match *method {
            Method::POST => "create",
            Method::GET if self.resource.is_empty() || is_one => "get",
            Method::GET if self.has("watch") => "watch",
            Method::GET => "list",
            Method::PATCH => "patch",
            Method::PUT => "update",
            Method::DELETE if is_one => "delete",
            Method::DELETE => "deletecollection",
            _ => "other",
        }
    }
}

/// Whether the last part of `namespaces/x/PART` is a part of the namespace itself.
fn is_part(last: Option<&&str>) -> bool {
    matches!(last, Some(&"status" | &"finalize"))
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn call(method: &str, uri: &str) -> Call {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        Call::of(&request.into_parts().0)
    }

    #[test]
    fn reads_what_a_request_asks_for() {
        for (method, uri, verb, group, resource, namespace, name) in [
            (
                "POST",
                "/apis/batch/v1/namespaces/a/jobs?",
                "create",
                "batch",
                "jobs",
                "a",
                "",
            ),
            (
                "GET",
                "/api/v1/namespaces/a/pods/b",
                "get",
                "",
                "pods",
                "a",
                "b",
            ),
            (
                "GET",
                "/api/v1/namespaces/a/pods/b/log?follow=true",
                "get",
                "",
                "pods/log",
                "a",
                "b",
            ),
            (
                "GET",
                "/api/v1/pods?watch=true",
                "watch",
                "",
                "pods",
                "",
                "",
            ),
            (
                "GET",
                "/api/v1/namespaces/a",
                "get",
                "",
                "namespaces",
                "a",
                "a",
            ),
            (
                "GET",
                "/api/v1/namespaces",
                "list",
                "",
                "namespaces",
                "",
                "",
            ),
            (
                "DELETE",
                "/api/v1/namespaces/a/secrets",
                "deletecollection",
                "",
                "secrets",
                "a",
                "",
            ),
            ("GET", "/version", "get", "", "", "", ""),
        ] {
            let call = call(method, uri);
            let read = (
                call.verb.as_str(),
                call.group.as_str(),
                call.full_resource(),
            );
            assert_eq!(read, (verb, group, resource.to_owned()), "{uri}");
            assert_eq!(
                (call.namespace.as_str(), call.name.as_str()),
                (namespace, name),
                "{uri}"
            );
        }
    }
}
