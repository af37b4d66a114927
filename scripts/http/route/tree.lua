--- lull.http.route.tree: from a method and a path to an endpoint.
---
--- Patterns of literals only are found by one look-up; the others stand in a tree of segments.  A
--- literal goes before a parameter, a parameter before a wildcard, segment by segment from the
--- left; where that leads nowhere, or to a pattern without the method, the next is tried.  Each
--- node is visited at most once for a path: no path costs more than the tree has nodes.
local tree = {}

---@class lull.http.Endpoint
---@field run async fun(req: table): any  the handler inside its middleware
---@field names string[]    of the parameters
---@field pattern string
---@field options? table    of the route

--- What stands at a pattern.
---@class lull.http.Leaf
---@field methods table<string, lull.http.Endpoint>
---@field any? lull.http.Endpoint  for every other method

---@class lull.http.Node
---@field literals table<string, lull.http.Node>
---@field parameter? lull.http.Node
---@field wildcard? lull.http.Leaf
---@field leaf? lull.http.Leaf  of the pattern that ends here
---@field position integer      how many parameters lead here

---@class lull.http.Tree
---@field plain table<string, lull.http.Leaf>  by path
---@field root lull.http.Node

local find <const>, sub <const> = string.find, string.sub

local function new_node(position)
  return { literals = {}, position = position }
end

---@return lull.http.Tree
function tree.new()
  return { plain = {}, root = new_node(0) }
end

local function leaf_of(owner, key)
  local leaf = owner[key]
  if not leaf then
    leaf = { methods = {} }
    owner[key] = leaf
  end
  return leaf
end

--- The leaf of a pattern, made when there is none.
---@param self lull.http.Tree
---@param pattern lull.http.Pattern
---@return lull.http.Leaf
function tree.leaf(self, pattern)
  if pattern.plain then return leaf_of(self.plain, "/" .. table.concat(pattern.segments, "/")) end
  local node = self.root
  for _, segment in ipairs(pattern.segments) do
    if segment == "*" then return leaf_of(node, "wildcard") end
    if segment == ":" then
      node.parameter = node.parameter or new_node(node.position + 1)
      node = node.parameter
    else
      node.literals[segment] = node.literals[segment] or new_node(node.position)
      node = node.literals[segment]
    end
  end
  return leaf_of(node, "leaf")
end

--- Match the path from the segment at `from` on.  The table of parameters is made where the end
--- is found, and filled on the way back.
local function match(node, path, from, method)
  local slash <const> = find(path, "/", from, true)
  local segment <const> = sub(path, from, slash and slash - 1 or -1)
  local child = node.literals[segment]
  for _ = 1, 2 do
    if child then
      local endpoint, parameters
      if slash then
        endpoint, parameters = match(child, path, slash + 1, method)
      elseif child.leaf then
        endpoint = child.leaf.methods[method] or child.leaf.any
        parameters = endpoint and {}
      end
      if endpoint then
        if child == node.parameter then parameters[endpoint.names[child.position]] = segment end
        return endpoint, parameters
      end
    end
    child = segment ~= "" and node.parameter or nil
  end
  local wildcard <const> = node.wildcard
  local endpoint <const> = wildcard and (wildcard.methods[method] or wildcard.any)
  if endpoint then return endpoint, { [endpoint.names[#endpoint.names]] = sub(path, from) } end
end

--- The endpoint for a request, and its parameters; nothing when there is none.
---@param self lull.http.Tree
---@param method string
---@param path string
---@return lull.http.Endpoint?
---@return table<string, string>? parameters
function tree.find(self, method, path)
  local leaf <const> = self.plain[path]
  local endpoint <const> = leaf and (leaf.methods[method] or leaf.any)
  if endpoint then return endpoint, {} end
  if find(path, "/", 1, true) == 1 then return match(self.root, path, 2, method) end
end

local function note(leaves, leaf)
  if leaf then leaves[#leaves + 1] = leaf end
end

local function collect(node, path, from, leaves)
  local slash <const> = find(path, "/", from, true)
  local segment <const> = sub(path, from, slash and slash - 1 or -1)
  for _, child in ipairs { node.literals[segment] or false, segment ~= "" and node.parameter } do
    if child and slash then
      collect(child, path, slash + 1, leaves)
    elseif child then
      note(leaves, child.leaf)
    end
  end
  note(leaves, node.wildcard)
end

--- The methods that a path has under any pattern, sorted; nil when no pattern matches.
---@param self lull.http.Tree
---@param path string
---@return string[]?
function tree.methods(self, path)
  local leaves <const>, seen <const>, methods <const> = {}, {}, {}
  note(leaves, self.plain[path])
  if find(path, "/", 1, true) == 1 then collect(self.root, path, 2, leaves) end
  for _, leaf in ipairs(leaves) do
    for method in pairs(leaf.methods) do
      if not seen[method] then
        seen[method] = true
        methods[#methods + 1] = method
      end
    end
  end
  table.sort(methods)
  return leaves[1] and methods
end

return tree
