import HTTPContent

/// Reading of the members of a body's JSON.
extension InferenceRequest {
    mutating func read(parameters value: JSON) throws(Problem) {
        for member in try Self.members(value, "parameters") {
            if member.name == "binary_data_output" {
                isBinary = try Self.bool(member.value, "parameters: binary_data_output")
                continue
            }
            let text: String
            switch member.value {
            case .string(let value): text = value
            case .integer(let value): text = String(value)
            case .number(let value): text = value.description
            case .bool(let value): text = String(value)
            default:
                throw Problem(
                    .malformedBody, "parameters: \(quoted(member.name)) must be a string, a number or a boolean")
            }
            parameters.append((member.name, text))
        }
    }

    static func input(_ value: JSON, taking rest: inout ArraySlice<UInt8>) throws(Problem) -> Input {
        var (name, type, shape): (String?, String?, [Int]?)
        var (data, size): (JSON?, Int?)
        for member in try members(value, "inputs: each") {
            switch member.name {
            case "name": name = try string(member.value, "inputs: name")
            case "datatype": type = try string(member.value, "inputs: datatype")
            case "shape":
                guard case .integers(let axes) = member.value, axes.allSatisfy({ $0 >= 0 }) else {
                    throw Problem(.malformedBody, "inputs: shape must be a list of whole numbers from 0 on")
                }
                shape = axes
            case "data": data = member.value == .null ? nil : member.value
            case "parameters":
                for parameter in try members(member.value, "inputs: parameters") {
                    guard parameter.name == "binary_data_size" else { throw unknown(parameter.name, of: "inputs") }
                    guard case .integer(let bytes) = parameter.value, bytes >= 0 else {
                        throw Problem(.malformedBody, "inputs: binary_data_size must be a whole number of bytes")
                    }
                    size = bytes
                }
            default: break
            }
        }
        guard let name, let type, let shape else {
            throw Problem(.malformedBody, "inputs: each has a name, a datatype and a shape")
        }
        switch (data, size) {
        case (let data?, nil): return Input(name: name, type: type, shape: shape, content: .json(data))
        case (nil, let size?):
            guard size <= rest.count else {
                throw Problem(
                    .malformedBody,
                    "input \(quoted(name)): binary_data_size is \(size), and \(rest.count) bytes of the body are left")
            }
            defer { rest = rest.dropFirst(size) }
            return Input(name: name, type: type, shape: shape, content: .bytes(rest.prefix(size)))
        default:
            throw Problem(.malformedBody, "input \(quoted(name)): it has either data or a binary_data_size")
        }
    }

    static func output(_ value: JSON) throws(Problem) -> Output {
        var name: String?
        var isBinary: Bool?
        for member in try members(value, "outputs: each") {
            switch member.name {
            case "name": name = try string(member.value, "outputs: name")
            case "parameters":
                for parameter in try members(member.value, "outputs: parameters") {
                    switch parameter.name {
                    case "binary_data": isBinary = try bool(parameter.value, "outputs: binary_data")
                    // clients say that they want none
                    case "classification" where parameter.value == .integer(0): break
                    default: throw unknown(parameter.name, of: "outputs")
                    }
                }
            default: break
            }
        }
        guard let name else { throw Problem(.malformedBody, "outputs: each has a name") }
        return Output(name: name, isBinary: isBinary)
    }

    private static func unknown(_ name: String, of part: String) -> Problem {
        let known = part == "inputs" ? "binary_data_size" : "binary_data"
        let advice = name.hasPrefix("shared_memory") ? "; there is no shared memory here, tensors go in the body" : ""
        return Problem(.malformedBody, "\(part): unknown parameter \(quoted(name)): known is \(known)\(advice)")
    }

    static func string(_ value: JSON, _ name: String) throws(Problem) -> String {
        guard case .string(let text) = value else { throw Problem(.malformedBody, "\(name) must be a string") }
        return text
    }

    private static func bool(_ value: JSON, _ name: String) throws(Problem) -> Bool {
        guard case .bool(let flag) = value else { throw Problem(.malformedBody, "\(name) must be true or false") }
        return flag
    }

    /// Members of an object; none of null.
    private static func members(_ value: JSON, _ name: String) throws(Problem) -> [JSON.Member] {
        switch value {
        case .object(let members): return members
        case .null: return []
        default: throw Problem(.malformedBody, "\(name) must be an object")
        }
    }

    /// Elements of a list of objects; none of null.
    static func list(_ value: JSON, _ name: String) throws(Problem) -> [JSON] {
        switch value {
        case .array(let elements): return elements
        case .integers([]), .null: return []
        default: throw Problem(.malformedBody, "\(name) must be a list of objects")
        }
    }
}
