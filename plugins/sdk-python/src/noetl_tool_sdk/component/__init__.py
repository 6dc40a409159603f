"""The component's side of the interface: the bindings of componentize-py, and `Host` on top of them.

`export` and `host` are only imported in a component and while one is built: `wit_world` and `componentize_py_types` are
generated then, from the interfaces that the tool declares.
"""
