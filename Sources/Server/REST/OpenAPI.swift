import Core
import HTTPTypes

/// The description of the interface, made from the routes themselves.
enum OpenAPI {
    /// A document of OpenAPI 3.1.
    static func document(of routes: [Route]) -> JSON {
        var paths: [JSON.Member] = []
        for route in routes {
            let path = route.path.replacing("**", with: "{name}")
            let method = JSON.Member(route.method.rawValue.lowercased(), operation(of: route, path: path))
            if let known = paths.firstIndex(where: { $0.name == path }), case .object(let methods) = paths[known].value
            {
                paths[known].value = .object(methods + [method])
            } else {
                paths.append(JSON.Member(path, .object([method])))
            }
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Backupy", "version": "1",
                "description": "Orchestration of database backups. Any error has the schema Error.",
            ],
            "servers": [["url": "/"]],
            "security": [["token": []]],
            "paths": .object(paths),
            "components": [
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
                "schemas": .object(OpenAPISchemas.all),
            ],
        ]
    }

    private static func operation(of route: Route, path: String) -> JSON {
        let operation = route.operation
        var members = [JSON.Member("summary", .string(operation.summary))]
        if case .role(let role) = route.access { members.append(.init("x-role", .string(role.rawValue))) }
        if route.access == .open { members.append(.init("security", [])) }
        let parameters = self.parameters(of: route, path: path)
        if !parameters.isEmpty { members.append(.init("parameters", .array(parameters))) }
        if let body = operation.body {
            members.append(
                .init("requestBody", ["content": ["application/json": ["schema": reference(body)]]]))
        }
        var success: [JSON.Member] = [.init("description", "Done.")]
        switch operation.result {
        case .one(let name):
            success.append(.init("content", ["application/json": ["schema": reference(name)]]))
        case .page(let name):
            success.append(.init("content", ["application/json": ["schema": page(of: name)]]))
        case nil: break
        }
        let failure: JSON = [
            "description": "Not done.", "content": ["application/json": ["schema": reference("Error")]],
        ]
        members.append(
            .init(
                "responses",
                .object([.init(String(operation.success), .object(success)), .init("default", failure)])))
        return .object(members)
    }

    private static func parameters(of route: Route, path: String) -> [JSON] {
        var parameters: [JSON] = path.split(separator: "/").filter { $0.hasPrefix("{") }.map { part in
            [
                "name": .string(String(part.dropFirst().dropLast())), "in": "path", "required": true,
                "schema": ["type": "string"],
            ]
        }
        for parameter in route.operation.query {
            parameters.append([
                "name": .string(parameter.name), "in": "query", "description": .string(parameter.text),
                "schema": ["type": "string"],
            ])
        }
        if route.operation.hasRevision {
            parameters.append([
                "name": "If-Match", "in": "header",
                "description": "The ETag that was read: 412 with the present one when it was changed since.",
                "schema": ["type": "string"],
            ])
        }
        if route.method == .post, route.access != .open {
            parameters.append([
                "name": "Idempotency-Key", "in": "header",
                "description": "Remembered for 24 h: the same request under the same key is done once.",
                "schema": ["type": "string", "maxLength": 200],
            ])
        }
        return parameters
    }

    private static func reference(_ name: String) -> JSON { ["$ref": .string("#/components/schemas/\(name)")] }

    private static func page(of name: String) -> JSON {
        [
            "type": "object", "required": ["items", "next_cursor", "has_more"],
            "properties": [
                "items": ["type": "array", "items": reference(name)], "next_cursor": ["type": ["string", "null"]],
                "has_more": ["type": "boolean"],
            ],
        ]
    }
}
