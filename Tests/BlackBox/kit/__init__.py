"""Tools for speaking to a control plane from outside: HTTP, WebSocket, protobuf, processes. Standard library only."""
